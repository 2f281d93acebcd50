import type { JsonObject } from '../../src/base/json.ts';
import type { Result } from '../../src/base/result.ts';
import type { RunEnd } from '../../src/engines/embedded/engine.ts';
import type { InboxMessage } from '../../src/engines/ports.ts';
import { eventOf, type GateOpened, type JournalRow, pointOf, type StepUnresolved } from '../../src/ir/events.ts';
import { Dice } from './dice.ts';
import type { Deed } from './disturbances.ts';
import { type Engine, RUN, type Simulation } from './simulation.ts';
import { Violation } from './violation.ts';

/**
 * The people around a run: they pause, cancel and decide, from other processes and whether or not the engine runs; stop it, kill it, take
 * it over, set the clock; and start it again until the run has ended.
 */
export class Operator {
  readonly #on: Simulation;
  readonly #dice: Dice;
  readonly #posted = new Map<number, InboxMessage['kind']>();
  #deeds: { readonly deed: Deed; readonly rows: number }[];
  #gates = 0;
  #statements = 0;
  #will_boot = false;
  /** Once, when the run has ended. */
  #wants_retry: boolean;

  constructor(on: Simulation) {
    this.#on = on;
    this.#dice = new Dice(on.seed, 'operator');
    this.#deeds = [...on.disturbances.deeds];
    this.#wants_retry = this.#deeds.some(({ deed }) => deed === 'retry');
  }

  /** Called after each event: does what its time has come for. */
  look(): void {
    const { length } = this.#on.store.rows;
    const due = this.#deeds.filter(({ rows }) => rows <= length);
    this.#deeds = this.#deeds.filter(({ rows }) => rows > length);
    for (const { deed } of due) this.#after(this.#dice.pick([0, 1, 20]), () => this.#do(deed));
  }

  /** Reads the journal as it grows, as `watch` does. */
  read(row: JournalRow): void {
    if (row.type === 'gate.opened') this.#decide(eventOf(row) as GateOpened);
    if (row.type === 'step.unresolved') {
      const { step } = eventOf(row) as StepUnresolved;
      const point = pointOf(row.stream)!;
      this.#after(this.#dice.pick([0, 60, 5000]), () => this.#resolve(point, step));
    }
  }

  #decide({ gate, occurrence }: GateOpened): void {
    this.#gates += 1;
    const dice = this.#dice;
    const outcome = dice.chance(0.85) ? 'continue' : 'stop';
    if (dice.chance(0.2))
      this.#after(dice.between(0, 5), () => this.#post('gate', { gate, occurrence: occurrence + 1, outcome }));
    const after_s = dice.pick([0, 10, 100, 10_000]);
    for (let copies = dice.chance(0.2) ? 2 : 1; copies > 0; copies -= 1) {
      this.#after(after_s, () => this.#post('gate', { gate, occurrence, outcome }));
    }
  }

  /** Says what became of an effect, once that can be told; perhaps twice, or by a forgery first. */
  #resolve(point: number, step: string): void {
    const { view, world } = this.#on;
    const dice = this.#dice;
    const intent = view.unresolved.get(`${point}/${step}`);
    if (intent === undefined) return;
    // Also while a process is stopped that was about to send it: once it goes on, it finds that the run is another's.
    const found = world.resolve(intent);
    if (found === null) return this.#after(100, () => this.#resolve(point, step));
    if (dice.chance(0.1)) this.#post('resolve', { point, step });
    this.#statements += 1;
    const message = { point, step, ...found, statement: `statement ${this.#statements}` };
    for (let copies = dice.chance(0.2) ? 2 : 1; copies > 0; copies -= 1) this.#post('resolve', message);
  }

  /** A message was obeyed: what it led to must be in the journal. */
  removed(id: number): void {
    const { view } = this.#on;
    if (this.#posted.get(id) !== 'cancel' || view.cancelled || view.finished) return;
    this.#on.tell(new Violation('acknowledged', 'The request to cancel was removed and is not in the journal.'));
  }

  crashed(): void {
    this.#comeBack([0, 2, 600], () => this.#on.boot());
  }

  ended(end: Result<RunEnd>): void {
    if (end.ok && end.value.kind === 'finished') return this.#finished();
    if (!end.ok && end.error.code === 'APPROVAL_EXPIRED') {
      return this.#comeBack([0, 600], () => void this.#on.renewApproval().then(() => this.#on.boot()));
    }
    const locked = !end.ok && end.error.code === 'RUN_LOCKED';
    const waits = end.ok && (end.value.kind === 'gate' || end.value.kind === 'unresolved');
    this.#comeBack(waits ? [0, 200, 3000] : [0, 2, 600], () => this.#on.boot(locked));
  }

  /** A run that has ended goes on for its failed points, if somebody wants that. */
  #finished(): void {
    this.#wakeAll();
    const retries = this.#wants_retry && this.#on.view.failed.size > 0;
    this.#wants_retry = false;
    this.#deeds = [];
    if (!retries) return;
    this.#post('retry', { by: 'bob' });
    this.#after(this.#dice.between(0, 600), () => this.#on.boot());
  }

  /** Unless somebody performs the run, or will. */
  #comeBack(after_s: readonly number[], boot: () => void): void {
    const performed = this.#on.living.some(({ incarnation }) => !this.#on.isStale(incarnation));
    if (performed || this.#will_boot) return;
    this.#will_boot = true;
    const dice = this.#dice;
    if (dice.chance(0.15)) this.#after(1, () => this.#post(dice.pick(['pause', 'resume'])));
    if (dice.chance(0.03)) this.#after(1, () => this.#post('cancel'));
    this.#after(dice.pick(after_s), () => {
      this.#will_boot = false;
      boot();
    });
  }

  #after(seconds: number, act: () => void): void {
    this.#on.time.after(seconds, act);
  }

  #post(kind: InboxMessage['kind'], body: JsonObject = { by: 'bob', reason: 'so' }): void {
    const { store, trace } = this.#on;
    if (store.runs.length === 0) return;
    const id = store.post(RUN, kind, body);
    if (body['where'] === undefined && body['phase'] === undefined) this.#posted.set(id, kind);
    trace(`somebody posts ${kind} ${JSON.stringify(body)}`);
  }

  #do(deed: Deed): void {
    const { time, trace } = this.#on;
    const current = this.#on.living.at(-1);
    switch (deed) {
      case 'pause':
        this.#post('pause', { by: 'bob', reason: 'so', now: this.#dice.chance(0.3) });
        if (this.#dice.chance(0.5)) this.#after(this.#dice.pick([0, 0.3, 50]), () => this.#post('resume'));
        return;
      case 'cancel':
        return this.#post('cancel');
      case 'cancel_points':
        return this.#post('cancel', { by: 'bob', where: `point >= ${this.#dice.integer(1, 9)}` });
      case 'cancel_phase':
        return this.#post('cancel', { by: 'bob', phase: this.#dice.pick(['explore', 'refine', 'pilot']) });
      case 'retry':
        return this.#post('retry', { by: 'bob' });
      case 'decide_early':
        return this.#post('gate', { gate: 'pilot', occurrence: this.#gates + 1, outcome: 'continue' });
      case 'drain':
        trace(`Ctrl-C for ${current?.incarnation.name}`);
        return current?.performance?.drain('Ctrl-C');
      case 'interrupt':
        trace(`Ctrl-C, twice, for ${current?.incarnation.name}`);
        return current?.performance?.stop();
      case 'crash':
        return current?.incarnation.crash();
      case 'set_clock': {
        const seconds = this.#dice.pick([-7200, -60, 60, 172_800]);
        trace(`the clock is set by ${seconds} s`);
        return time.setBy(seconds);
      }
      case 'take_over':
        return current === undefined ? undefined : this.takeOver(current.incarnation);
    }
  }

  /** A process stops, is believed dead, and goes on when another one performs its run. */
  takeOver(incarnation: Engine['incarnation']): void {
    if (this.#on.store.runs.length === 0) return;
    this.#on.trace(`${incarnation.name} is stopped`);
    this.#on.counts.take_overs += 1;
    incarnation.stop();
    this.#comeBack([0, 5, 30], () => this.#on.boot(true));
    this.#after(this.#dice.between(0, 200), () => this.#wake(incarnation));
  }

  #wakeAll(): void {
    for (const { incarnation } of this.#on.engines) this.#wake(incarnation);
  }

  #wake(incarnation: Engine['incarnation']): void {
    if (!incarnation.stopped) return;
    this.#on.trace(`${incarnation.name} goes on`);
    incarnation.wake();
  }
}
