import { mkdirSync } from 'node:fs';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import type { ApprovedLock } from '../../../src/approval/authorise.ts';
import type { JsonObject } from '../../../src/base/json.ts';
import { unwrap } from '../../../src/base/result.ts';
import { type EngineDeps, type Performance, resumeRun, startRun } from '../../../src/engines/embedded/engine.ts';
import { Pending, timerName } from '../../../src/engines/embedded/pending.ts';
import type { RunEnd } from '../../../src/engines/embedded/types.ts';
import type { InboxMessage, JournalStore, PoolGrant } from '../../../src/engines/ports.ts';
import {
  eventOf,
  isFact,
  type JournalRow,
  type PointFact,
  pointStream,
  type StudyFact,
} from '../../../src/ir/events.ts';
import type { Lock } from '../../../src/ir/lock.ts';
import { RunMachine } from '../../../src/kernel/run.ts';
import { deadlineStep } from '../../../src/kernel/point.ts';
import { WALL_TIME } from '../../../src/kernel/study.ts';
import { journalWith } from '../../journal-with.ts';
import { HandClock } from './hand-clock.ts';
import type { Turn } from './order.ts';
import { messageOf, VERIFIERS } from './people.ts';
import type { ScriptedPlan } from './scripted-plan.ts';
import { HeldAnswers } from './held-answers.ts';
import { ScriptedTool } from './scripted-tool.ts';

const RUN = 'embedded';
/** Longer than anything takes that has no reason to wait. */
const PATIENCE_MS = 5000;

/** A run on the embedded engine, to which facts come in a given order: tools answer, timers fire, tokens are granted and people act in turn. */
export class EmbeddedSide {
  readonly rows: JournalRow[] = [];
  readonly #plan: ScriptedPlan;
  readonly #approved: ApprovedLock<Lock>;
  readonly #clock: HandClock;
  readonly #journal: JournalStore;
  readonly #answers: HeldAnswers;
  readonly #machine: RunMachine;
  readonly #pending = new Pending();
  readonly #deps: EngineDeps;
  readonly #facts = new Map<string, number>();
  readonly #notices: string[] = [];
  #performance: Performance | null = null;
  #end: RunEnd | null = null;
  #failure: string | null = null;
  #changed: () => void = () => undefined;
  #onInbox: () => void = () => undefined;
  #onTokens: (granted: readonly PoolGrant[]) => void = () => undefined;

  constructor(plan: ScriptedPlan, approved: ApprovedLock<Lock>, folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#plan = plan;
    this.#approved = approved;
    this.#machine = new RunMachine(plan.made.program);
    this.#clock = new HandClock(Date.now());
    this.#answers = new HeldAnswers((which) => tool.goesOn(which));
    const tool: ScriptedTool = new ScriptedTool(plan, this.#answers.whenDue);
    this.#journal = this.#steered(openJournal(folder, { clock: this.#clock, process: thisProcess() }));
    this.#deps = {
      journal: this.#journal,
      clock: this.#clock,
      tools: tool.host,
      workFolder: (_run, point, step, attempt) => ScriptedTool.folder(point, step, attempt),
      host: {},
      ...VERIFIERS,
      onRow: (row) => this.#take(row),
      onNotice: (text) => void this.#notices.push(text),
    };
  }

  /** @throws Error that says at which fact the engine did otherwise */
  async perform(turns: readonly Turn[]): Promise<void> {
    try {
      for (const turn of turns) {
        this.#clock.pass(1);
        await this.#bring(turn);
      }
      await this.#until('the run to end', () => this.#end?.kind === 'finished');
    } finally {
      this.#performance?.stop();
      this.#answers.letAllGo();
      await this.#journal.close();
    }
  }

  // --- facts ---

  async #bring(turn: Turn): Promise<void> {
    const name = `${turn.point === null ? 'study' : pointStream(turn.point)}: ${JSON.stringify(turn.fact)}`;
    const expected = new Map(this.#facts);
    for (const [stream, count] of Object.entries(turn.facts)) expected.set(stream, (expected.get(stream) ?? 0) + count);
    await this.#cause(turn, name);
    await this.#until(name, () => [...expected].every(([stream, count]) => (this.#facts.get(stream) ?? 0) >= count));
    if (turn.fact.type === 'effect.answered') this.#answers.hold({ ...turn.fact, point: turn.point! });
  }

  async #cause({ point, fact }: Turn, name: string): Promise<void> {
    switch (fact.type) {
      case 'run.started':
        return void this.#perform(startRun(this.#deps, this.#options('nobody')));
      case 'effect.answered':
        return this.#answers.letGo({ ...fact, point: point! });
      case 'point.timer_fired':
      case 'study.timer_fired':
        return this.#fire(point, fact.timer, name);
      case 'step.granted':
        return this.#grant(point!, fact.step, name);
      case 'effect.resolved':
        return this.#post('resolve', messageOf(fact, point));
      default:
        return this.#ask(fact);
    }
  }

  async #ask(fact: StudyFact | PointFact): Promise<void> {
    switch (fact.type) {
      case 'run.paused':
        return this.#post('pause', { by: fact.by, reason: fact.reason });
      case 'run.resumed':
        return this.#resume(fact.by);
      case 'run.cancelled':
        return this.#post('cancel', { by: fact.by, reason: fact.reason });
      case 'points.cancelled':
        return this.#post('cancel', { by: fact.by, reason: fact.reason, where: fact.where });
      case 'phase.cancelled':
        return this.#post('cancel', { by: fact.by, reason: fact.reason, phase: fact.phase });
      case 'points.retried':
        return this.#post('retry', { by: fact.by, points: [...fact.points] });
      case 'gate.decided':
        return this.#post('gate', messageOf(fact, null));
      default:
        throw new Error(`${fact.type} comes from nobody outside`);
    }
  }

  async #post(kind: InboxMessage['kind'], body: JsonObject): Promise<void> {
    if (this.#end?.kind === 'paused') throw new Error(`the embedded engine has ended, paused, before ${kind}`);
    await this.#journal.post(RUN, kind, body);
    this.#onInbox();
  }

  /** A performance ends when nothing is out any more while the run is paused. */
  async #resume(by: string): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#end?.kind !== 'paused') return this.#post('resume', { by });
    this.#end = null;
    this.#perform(resumeRun(this.#deps, this.#options(by)));
  }

  async #fire(point: number | null, timer: string, name: string): Promise<void> {
    const pending = this.#pending.timers.get(timerName(point, timer));
    if (pending === undefined) throw new Error(`the embedded engine has no timer for ${name}`);
    // A deadline counts once the job was asked after.
    const step = deadlineStep(timer);
    if (point !== null && step !== null) this.#answers.sayThatItGoesOn(point, step);
    const fired = () =>
      timer === WALL_TIME && point === null ? this.#clock.fireWall() : this.#clock.fire(pending.due_ms);
    await this.#until(`the timer of ${name}`, fired);
  }

  async #grant(point: number, step: string, name: string): Promise<void> {
    const wants = () => this.#machine.pools.waiting.some((want) => want.point === point && want.step === step);
    await this.#until(`the want of ${name}`, wants);
    const attempt = this.#machine.points.get(point)!.steps[step]!.attempt;
    this.#onTokens([{ point, step, attempt }]);
  }

  // --- the engine ---

  #options(by: string) {
    return { run: RUN, approved: this.#approved, program: this.#plan.made.program, wait: true, by };
  }

  #perform(begun: ReturnType<typeof startRun>): void {
    const ended = (end: RunEnd): void => {
      this.#end = end;
      this.#changed();
    };
    begun
      .then(async (performance) => {
        this.#performance = unwrap(performance);
        ended(unwrap(await this.#performance.end));
      })
      .catch((error: unknown) => {
        this.#failure = String((error as Error).stack);
        this.#changed();
      });
  }

  /** The order in which tokens are granted is the arbiter's, and depends on when they are asked for: here it is given. */
  #steered(journal: JournalStore): JournalStore {
    return journalWith(journal, {
      exchangeTokens: async () => [],
      reconcileTokens: async () => [],
      onTokens: (_lease, callback) => {
        this.#onTokens = callback;
        return () => undefined;
      },
      onInbox: (_lease, callback) => {
        this.#onInbox = callback;
        return () => undefined;
      },
    });
  }

  #take(row: JournalRow): void {
    if (this.rows.some(({ position }) => position === row.position)) return;
    this.rows.push(row);
    const event = eventOf(row);
    const commands = this.#machine.take(row.stream, row.seq, event);
    this.#pending.follow(row.stream, event, commands, row.wall_ms);
    if (isFact(row.type) && row.type !== 'effect.resent') {
      this.#facts.set(row.stream, (this.#facts.get(row.stream) ?? 0) + 1);
    }
    this.#changed();
  }

  /** Waits until it is so; every row, and every turn of the event loop, may make it so. */
  async #until(what: string, is: () => boolean): Promise<void> {
    for (const end_ms = Date.now() + PATIENCE_MS; !is(); ) {
      if (this.#failure !== null) throw new Error(`the embedded engine failed at ${what}: ${this.#failure}`);
      if (this.#end?.kind === 'finished') throw new Error(`the embedded engine has ended before ${what}`);
      if (Date.now() > end_ms) throw new Error(`the embedded engine waits for ${what}; ${this.#notices.join('; ')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 5);
        this.#changed = () => {
          clearTimeout(timer);
          setImmediate(resolve);
        };
      });
    }
  }
}
