import type { JsonObject } from '../../../src/base/json.ts';
import { Pending } from '../../../src/engines/embedded/pending.ts';
import type { InboxMessage, JournalStore } from '../../../src/engines/ports.ts';
import type { AuthorisedRun } from '../../../src/engines/temporal/performed-run.ts';
import { eventOf, type JournalRow, pointOf, type RunEvent } from '../../../src/ir/events.ts';
import { nextGrant } from '../../../src/kernel/pools.ts';
import { RunMachine } from '../../../src/kernel/run.ts';
import { Dice } from '../../simulation/dice.ts';
import { decisionAt, gateMessage, resolutionOf } from './people.ts';
import type { ScriptedDeed, ScriptedPlan } from './scripted-plan.ts';
import { nameOfEffect, type WhenDue } from './scripted-tool.ts';

/**
 * The people around a run on Temporal, and the tool's patience.
 *
 * A pause or a cancel is told to each point by itself. So that it falls between the same facts everywhere, it is asked for when nothing
 * moves: the tool holds all its answers, every call that is out has come to it, nobody can be granted tokens and no attempt backs off.
 */
export class Operator {
  readonly authorised: AuthorisedRun;
  readonly notices: string[] = [];
  readonly failed: Promise<string>;
  readonly #run: string;
  readonly #plan: ScriptedPlan;
  readonly #desk: JournalStore;
  readonly #machine: RunMachine;
  readonly #pending = new Pending();
  readonly #dice: Dice;
  readonly #deeds: ScriptedDeed[];
  readonly #resolved = new Map<string, number>();
  /** Calls that the tool holds, by their names. */
  readonly #held = new Map<string, () => void>();
  #fail!: (why: string) => void;
  #position = 0;
  #rows = 0;
  #looking: Promise<void> = Promise.resolve();
  #holding = false;
  /** What is being done now, once `#isReached` says that it has come about. */
  #next: (() => Promise<void>) | null = null;
  #isReached: () => boolean = () => false;
  #stopped = false;
  /** A message of which nothing has come yet. */
  #unread: number | null = null;

  constructor(run: string, plan: ScriptedPlan, desk: JournalStore, authorised: (tool: WhenDue) => AuthorisedRun) {
    this.#run = run;
    this.#plan = plan;
    this.#desk = desk;
    this.#machine = new RunMachine(plan.made.program);
    this.#dice = new Dice(plan.seed, 'operator');
    this.#deeds = [...plan.deeds];
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    this.authorised = authorised((which, call) => this.#whenDue(nameOfEffect(which), call.signal));
  }

  /** The journal has grown. */
  look(): void {
    this.#looking = this.#looking
      .then(() => this.#look())
      .catch((error: unknown) => this.#fail(`${String((error as Error).stack)}`));
  }

  stop(): void {
    this.#stopped = true;
    this.#letGo();
  }

  /** For whoever wonders why nothing happens. */
  standing(): string {
    const { study, points, pools } = this.#machine;
    const steps = [...points.values()].map(({ point, steps, paused, cancelled, ended }) => ({
      ...{ point, paused, cancelled, ended },
      steps: Object.entries(steps).map(([name, { status, part, attempt }]) => `${name} ${status} ${part} ${attempt}`),
    }));
    const out = { effects: [...this.#pending.effects.keys()], timers: [...this.#pending.timers.keys()] };
    const held = [...this.#held.keys()];
    return JSON.stringify({
      study: { ...study, tally: undefined },
      steps,
      pools,
      ...out,
      holding: this.#holding,
      held,
    });
  }

  // --- the tool ---

  #whenDue(name: string, signal: AbortSignal): Promise<'answer'> {
    const after_ms = this.#dice.pick([0, 0, 2, 10]);
    return new Promise((resolve) => {
      const answer = (): void => {
        this.#held.delete(name);
        resolve('answer');
      };
      setTimeout(() => {
        if (!this.#holding || signal.aborted) return answer();
        this.#held.set(name, answer);
        signal.addEventListener('abort', answer, { once: true });
        this.look();
      }, after_ms);
    });
  }

  #letGo(): void {
    this.#holding = false;
    for (const answer of [...this.#held.values()]) answer();
  }

  // --- the journal ---

  async #look(): Promise<void> {
    if (this.#stopped) return;
    for await (const row of this.#desk.read(this.#run, { after_position: this.#position })) await this.#take(row);
    await this.#lookAtMessages();
    if (this.#next !== null && this.#isReached()) {
      const next = this.#next;
      this.#next = null;
      await next();
    }
    const [deed] = this.#deeds;
    if (this.#next !== null || deed === undefined || deed.rows > this.#rows) return;
    if (this.#machine.study?.status === 'finished') return;
    this.#deeds.shift();
    this.#holding = true;
    this.#when(
      () => this.#isStill(),
      () => this.#do(deed),
    );
    this.look();
  }

  async #lookAtMessages(): Promise<void> {
    if (this.#unread === null) return;
    const left = await this.#desk.inbox(this.#run);
    if (!left.some(({ id }) => id === this.#unread)) this.#unread = null;
  }

  /** Does something as soon as it is so. */
  #when(isReached: () => boolean, next: () => Promise<void>): void {
    this.#isReached = isReached;
    this.#next = next;
  }

  async #take(row: JournalRow): Promise<void> {
    const event = eventOf(row);
    const commands = this.#machine.take(row.stream, row.seq, event);
    this.#pending.follow(row.stream, event, commands, row.wall_ms);
    this.#position = row.position;
    this.#rows += 1;
    await this.#answer(event, pointOf(row.stream));
  }

  async #answer(event: RunEvent, point: number | null): Promise<void> {
    const { seed, made } = this.#plan;
    if (event.type === 'gate.opened') {
      const { gate, occurrence } = event;
      const { timeout_s } = made.lock.study.find(({ phase }) => phase === gate)!.gate!;
      const outcome = decisionAt(seed, gate, occurrence, timeout_s);
      if (outcome !== null) await this.#post('gate', gateMessage(gate, occurrence, outcome));
    } else if (event.type === 'step.unresolved') {
      const { step, part, attempt } = event;
      const which = { point: point!, step, part, attempt };
      const times = (this.#resolved.get(nameOfEffect(which)) ?? 0) + 1;
      this.#resolved.set(nameOfEffect(which), times);
      await this.#post('resolve', resolutionOf(seed, which, times));
    }
  }

  async #post(kind: InboxMessage['kind'], body: JsonObject): Promise<void> {
    await this.#desk.post(this.#run, kind, body);
  }

  /** Nothing happens any more until an answer is let go, a deadline passes or a person acts. */
  #isStill(): boolean {
    const { study, points, pools } = this.#machine;
    if (study === null) return false;
    if (study.status === 'finished') return true;
    if (study.in_flight.some((point) => points.get(point)?.ended !== false)) return false;
    for (const { point, command } of this.#pending.effects.values()) {
      if (!this.#held.has(nameOfEffect({ ...command, point }))) return false;
    }
    if ([...this.#pending.timers.values()].some(({ timer }) => timer.startsWith('retry'))) return false;
    return nextGrant(pools) === null && this.#machine.unresolved().length === 0;
  }

  // --- what people do ---

  async #do({ deed }: ScriptedDeed): Promise<void> {
    if (this.#machine.study?.status === 'finished') return this.#letGo();
    const so = { by: 'bob', reason: 'so' };
    switch (deed) {
      case 'pause':
        return this.#pause();
      case 'cancel':
        return this.#ask('cancel', so);
      case 'cancel_points':
        return this.#ask('cancel', { ...so, where: `point >= ${this.#dice.integer(1, 9)}` });
      case 'cancel_phase':
        return this.#ask('cancel', { ...so, phase: this.#dice.pick(['explore', 'refine', 'pilot']) });
      case 'retry':
        return this.#ask('retry', { by: 'bob' });
    }
  }

  /** Asks, and lets the answers go once every point has heard of it, or once it is clear that nothing comes of it. */
  async #ask(kind: InboxMessage['kind'], body: JsonObject): Promise<void> {
    await this.#say(kind, body, async () => this.#letGo());
  }

  /** What is out comes home while the run is paused, or not. */
  async #pause(): Promise<void> {
    const letsGo = this.#dice.chance(0.5);
    await this.#say('pause', { by: 'bob', reason: 'so' }, async () => {
      if (letsGo) this.#letGo();
      const isHome = () => !letsGo || (this.#isStill() && this.#pending.effects.size === 0);
      this.#when(isHome, async () => {
        this.#holding = true;
        await this.#say('resume', { by: 'bob' }, async () => this.#letGo());
      });
      this.look();
    });
  }

  /** Leaves a message, and goes on when it was obeyed, all points have heard what it led to, and nothing moves again. */
  async #say(kind: InboxMessage['kind'], body: JsonObject, next: () => Promise<void>): Promise<void> {
    const message = await this.#desk.post(this.#run, kind, body);
    this.#unread = message;
    this.#when(() => this.#unread === null && this.#haveHeard() && this.#isStill(), next);
  }

  #haveHeard(): boolean {
    const { study, points } = this.#machine;
    if (study === null || study.status === 'finished') return true;
    const cancelled = study.ending?.status === 'cancelled' ? study.in_flight : study.cancelling;
    return (
      study.in_flight.every((point) => points.get(point)?.paused === study.paused) &&
      cancelled.every((point) => points.get(point)?.cancelled === true)
    );
  }
}
