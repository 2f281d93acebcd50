import type { Json } from '../../src/base/json.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import type { Outcome, PointFact, RunEvent, StudyFact } from '../../src/ir/events.ts';
import type { PollCommand, SendCommand } from '../../src/kernel/point.ts';
import { fits } from '../../src/kernel/pools.ts';
import type { Program } from '../../src/kernel/program.ts';
import { RunMachine, type Settled } from '../../src/kernel/run.ts';
import { retryRefusal } from '../../src/kernel/study.ts';
import { STARTED } from './support.ts';

/** An event as a journal keeps it. */
export interface Entry {
  readonly stream: string;
  readonly seq: number;
  readonly event: RunEvent;
}

/** Numbers in [0, 1) that say what happens next; the same numbers, the same run. */
export type Dice = () => number;

export function seededDice(seed: number): Dice {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Weights {
  /** Of 1,000 turns, so many are a pause, a resumption or a cancel. */
  readonly disturbances: number;
  readonly cancels: boolean;
  readonly failures: number;
}

export type Watch = (driver: Driver, settled: Settled) => void;

/**
 * Plays the world for one run: what is out, which timers are set. Every turn, one of the facts that may happen does. `watch` is
 * called after every fact.
 */
export class Driver {
  readonly machine: RunMachine;
  readonly journal: Entry[] = [];
  /** Canonical text of everything that came out. */
  readonly told: string[] = [];
  readonly out = new Map<string, { point: number; command: SendCommand | PollCommand }>();
  readonly timers = new Map<string, { point: number | null; timer: string }>();
  ended = false;
  readonly #seqs = new Map<string, number>();
  readonly #dice: Dice;
  readonly #weights: Weights;
  readonly #watch: Watch;

  constructor(program: Program, dice: Dice, weights: Weights, watch: Watch = () => undefined) {
    this.machine = new RunMachine(program);
    this.#dice = dice;
    this.#weights = weights;
    this.#watch = watch;
    this.take(null, { ...STARTED, semantics: program.lock.semantics } as StudyFact);
  }

  /** Plays until the run has ended. @throws Error when it does not */
  play(most_turns = 20_000): this {
    for (let turn = 0; !this.ended; turn += 1) {
      if (turn > most_turns) throw new Error('the run does not end');
      this.turn();
    }
    return this;
  }

  turn(): void {
    const { study, pools } = this.machine;
    if (this.machine.program.lock.semantics >= 2 && this.#disturbed()) return;
    const fate = this.#dice() * 1000;
    if (fate < this.#weights.disturbances) {
      if (study!.paused) return this.take(null, { type: 'run.resumed', by: 'a' });
      if (!this.#weights.cancels || this.#dice() > 0.1)
        return this.take(null, { type: 'run.paused', by: 'a', reason: '' });
      if (study!.ending?.status !== 'cancelled') return this.take(null, { type: 'run.cancelled', by: 'a', reason: '' });
    }
    // Deadlines and the wall time are far away: they are rarely what comes next.
    const rare = this.#dice() < 0.02;
    const timers = [...this.timers].flatMap(([key, { timer }]) => (rare || timer.startsWith('retry') ? [key] : []));
    const choices = [...this.out.keys(), ...timers, ...(study!.status === 'at_gate' ? ['gate'] : [])];
    if (this.machine.program.lock.semantics >= 2) {
      for (const want of pools.waiting) if (fits(pools, want)) choices.push(`grant ${want.point}/${want.step}`);
      for (const { point, step } of this.machine.unresolved()) choices.push(`resolve ${point}/${step}`);
    }
    const choice = choices[Math.floor(this.#dice() * choices.length)];
    if (choice === undefined) {
      if (!study!.paused) throw new Error('nothing can happen, and the run has not ended');
      return this.take(null, { type: 'run.resumed', by: 'a' });
    }
    this.#happen(choice);
  }

  take(point: number | null, fact: StudyFact | PointFact): void {
    const settled = this.machine.settle(point, fact);
    this.told.push(canonicalJson(settled));
    for (const { stream, event } of settled.events) {
      const seq = (this.#seqs.get(stream) ?? 0) + 1;
      this.#seqs.set(stream, seq);
      this.journal.push({ stream, seq, event });
    }
    for (const { point: of, command } of settled.commands) this.#perform(of, command);
    this.#watch(this, settled);
  }

  #perform(point: number | null, command: Settled['commands'][number]['command']): void {
    switch (command.do) {
      case 'send':
      case 'poll':
        if (this.out.has(`${point}/${command.step}`)) throw new Error(`${point}/${command.step} is out twice`);
        this.out.set(`${point}/${command.step}`, { point: point!, command });
        return;
      case 'stop_poll':
        this.out.delete(`${point}/${command.step}`);
        return;
      case 'timer':
        this.timers.set(`timer ${point}/${command.timer}`, { point, timer: command.timer });
        return;
      case 'cancel_timer':
        this.timers.delete(`timer ${point}/${command.timer}`);
        return;
      case 'finish':
        this.ended = true;
        return;
      default:
    }
  }

  /** What only semantics 2 knows: points and phases cancelled, failed points tried again. */
  #disturbed(): boolean {
    const { study, program } = this.machine;
    if (this.#dice() * 1000 >= this.#weights.disturbances / 4) return false;
    const failed = Object.keys(study!.failed).map(Number);
    if (this.#dice() < 0.5) {
      if (retryRefusal(program, study!, failed) !== null) return false;
      this.take(null, { type: 'points.retried', points: failed, by: 'a' });
      return true;
    }
    if (study!.ending !== null) return false;
    if (this.#dice() < 0.8) {
      const where = `point == ${1 + Math.floor(this.#dice() * 12)}`;
      this.take(null, { type: 'points.cancelled', where, by: 'a', reason: '' });
      return true;
    }
    const phase = this.#dice() < 0.5 ? 'explore' : 'refine';
    if (study!.cancelled_phases.includes(phase)) return false;
    this.take(null, { type: 'phase.cancelled', phase, by: 'a', reason: '' });
    return true;
  }

  #resolve(name: string): void {
    const { point, ...which } = this.machine.unresolved().find((one) => `${one.point}/${one.step}` === name)!;
    const luck = this.#dice();
    const as = luck < 0.4 ? 'done' : luck < 0.7 ? 'failed' : 'not_done';
    const answer = { mass: 3, id: 'found', status: 'done', text: '' };
    const outcome: Outcome | null = as === 'done' ? { ok: true, answer, artifacts: [] } : null;
    this.take(point, { type: 'effect.resolved', ...which, as, outcome, statement_sha256: 's', by: 'a' });
  }

  #happen(choice: string): void {
    if (choice.startsWith('resolve ')) return this.#resolve(choice.slice('resolve '.length));
    if (choice.startsWith('grant ')) {
      const [point, step] = choice.slice('grant '.length).split('/');
      return this.take(Number(point), { type: 'step.granted', step: step! });
    }
    const timer = this.timers.get(choice);
    if (timer !== undefined) {
      this.timers.delete(choice);
      const type = timer.point === null ? 'study.timer_fired' : 'point.timer_fired';
      return this.take(timer.point, { type, timer: timer.timer });
    }
    if (choice === 'gate') return this.#decide();
    const { point, command } = this.out.get(choice)!;
    const { step, part, attempt } = command;
    if (this.#dice() < 0.05) return this.take(point, { type: 'effect.resent', step, part, attempt });
    this.out.delete(choice);
    this.take(point, { type: 'effect.answered', step, part, attempt, outcome: this.#outcome(point, command) });
  }

  #decide(): void {
    const { locked } = this.machine.program.phases[this.machine.study!.phase]!;
    const occurrence = this.machine.study!.visits[locked.phase]!;
    const outcome = this.#dice() < 0.9 ? 'continue' : 'stop';
    const decided = { gate: locked.phase, occurrence, outcome, statement_sha256: 's', by: 'a' };
    this.take(null, { type: 'gate.decided', ...decided });
  }

  #outcome(point: number, { part, attempt }: SendCommand | PollCommand): Outcome {
    const luck = this.#dice();
    if (luck < this.#weights.failures) {
      const classes = ['transient', 'tool_failed', 'unknown_outcome', 'node_lost', 'transient'];
      if (this.machine.program.lock.semantics >= 2) classes.push('licence_unavailable', 'infeasible', 'tool_broken');
      return { ok: false, class: classes[Math.floor(this.#dice() * classes.length)]!, message: 'no luck' };
    }
    const mass = Math.floor(this.#dice() * 12);
    const answers: Record<string, Json> = {
      call: { mass, id: `c-${point}-${attempt}` },
      submit: { id: `j-${point}-${attempt}` },
      poll: { status: luck > 0.95 ? 'failed' : 'done', mass },
      fetch: { mass, text: 'größer' },
    };
    return { ok: true, answer: answers[part]!, artifacts: [] };
  }
}
