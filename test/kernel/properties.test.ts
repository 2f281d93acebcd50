import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/ir/canonical.ts';
import { isFact, type RunEvent } from '../../src/ir/events.ts';
import { Divergence } from '../../src/kernel/divergence.ts';
import type { Program } from '../../src/kernel/program.ts';
import { type MachineSnapshot, RunMachine, type Settled } from '../../src/kernel/run.ts';
import { Driver, type Entry, seededDice, type Watch, type Weights } from './driver.ts';
import { richLock } from './locks.ts';
import { designPhase, makeLock } from './support.ts';

const MADE = [richLock(), richLock({ semantics: 2 })];
const worlds = fc.record({
  seed: fc.integer(),
  disturbances: fc.constantFrom(0, 20, 200),
  cancels: fc.boolean(),
  failures: fc.constantFrom(0, 0.05, 0.4),
});
interface World extends Weights {
  readonly seed: number;
}

function play(program: Program, { seed, ...weights }: World, watch?: Watch): Driver {
  return new Driver(program, seededDice(seed), weights, watch).play();
}

function replay(program: Program, journal: readonly Entry[]): RunMachine {
  const machine = new RunMachine(program);
  for (const { stream, seq, event } of journal) machine.take(stream, seq, event);
  machine.close();
  return machine;
}

const stateOf = ({ study, points, pools }: RunMachine) =>
  canonicalJson({ study, points: [...points].sort(([a], [b]) => a - b), pools });

describe.each(MADE)('semantics $lock.semantics: whatever happens, and in whatever order', ({ program, lock }) => {
  test('K1 to K8 hold after every fact, and every run ends', () => {
    const ends = new Set<string>();
    fc.assert(
      fc.property(worlds, (world) => {
        const watcher = new Watcher(program);
        const driver = play(program, world, (...args) => watcher.look(...args));
        const last = driver.journal.at(-1)!.event;
        ends.add(last.type === 'run.finished' ? last.status : last.type);
        expect(driver.out.size, 'nothing is out at the end').toBe(0);
        expect(driver.timers.size, 'no timer is set at the end').toBe(0);
        expect(driver.machine.points.size).toBe(0);
        expect(driver.machine.pools).toEqual({ free: lock.pools, held: {}, waiting: [] });
      }),
      { numRuns: 250 },
    );
    expect([...ends].sort(), 'the worlds reach every end').toEqual(['cancelled', 'completed', 'failed', 'stopped']);
  });

  test('the same facts give the same events and commands, byte for byte', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const [first, second] = [play(program, world), play(program, world)];
        expect(second.told).toEqual(first.told);
      }),
      { numRuns: 50 },
    );
  });

  test('a journal at any length gives the machine that wrote it, and the commands with it', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const commands: string[] = [];
        const machine = new RunMachine(program);
        let read = 0;
        play(program, world, (driver, settled) => {
          const taken = driver.journal
            .slice(read)
            .flatMap(({ stream, seq, event }) => machine.take(stream, seq, event));
          read = driver.journal.length;
          expect(canonicalJson(taken)).toBe(canonicalJson(settled.commands));
          machine.close();
          expect(stateOf(machine)).toBe(stateOf(driver.machine));
          commands.push(...taken.map((command) => canonicalJson(command)));
        });
        expect(commands.length).toBeGreaterThan(0);
      }),
      { numRuns: 100 },
    );
  });

  test('a snapshot at any moment gives a machine that goes on in the same way', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        let machine = new RunMachine(program);
        let read = 0;
        play(program, world, (driver, settled) => {
          const taken = driver.journal
            .slice(read)
            .flatMap(({ stream, seq, event }) => machine.take(stream, seq, event));
          read = driver.journal.length;
          expect(canonicalJson(taken)).toBe(canonicalJson(settled.commands));
          expect(canonicalJson(machine.snapshot())).toBe(canonicalJson(driver.machine.snapshot()));
          machine = RunMachine.restore(program, JSON.parse(canonicalJson(machine.snapshot())) as MachineSnapshot);
        });
      }),
      { numRuns: 30 },
    );
  });
});

/** Looks over the machine's shoulder after every fact. */
class Watcher {
  readonly #program: Program;
  readonly #succeeded = new Map<string, number>();
  #last_started = 0;
  #started = 0;
  #calls = 0;
  /** Calls of the attempt at which a step is. */
  readonly #sent = new Map<string, number>();
  #open_gate: string | null = null;

  constructor(program: Program) {
    this.#program = program;
  }

  look({ machine }: Driver, { events, commands }: Settled): void {
    const { lock, steps: program_steps } = this.#program;
    for (const { stream, event } of events) this.#event(stream, event);
    const { study, pools, points } = machine;
    for (const [name, capacity] of Object.entries(lock.pools)) {
      const held = Object.values(pools.held).reduce((sum, uses) => sum + (uses[name] ?? 0), 0);
      expect(held + pools.free[name]!, 'K2').toBe(capacity);
      expect(held, 'K2').toBeLessThanOrEqual(capacity);
    }
    for (const [point, state] of points) {
      for (const { name, uses, needs } of program_steps) {
        const { status } = state.steps[name]!;
        if (status !== 'out') continue;
        if (Object.keys(uses).length > 0) expect(pools.held[`${point}/${name}`], 'K2').toEqual(uses);
        for (const need of needs) expect(state.steps[need]!.status, 'K1').toBe('succeeded');
      }
    }
    if (study!.paused)
      expect(
        commands.filter(({ command }) => command.do === 'send' || command.do === 'poll'),
        'K5',
      ).toEqual([]);
    expect(study!.in_flight.length, 'K6').toBeLessThanOrEqual(lock.in_flight);
    expect(this.#started, 'K7').toBeLessThanOrEqual(lock.budget.points);
    expect(this.#calls, 'K7').toBeLessThanOrEqual(lock.budget.calls);
  }

  #event(stream: string, event: RunEvent): void {
    if (event.type === 'point.started') {
      this.#started += 1;
      expect(this.#open_gate, 'K3').toBeNull();
      this.#nextRow(event);
    } else if (event.type === 'point.skipped') {
      this.#nextRow(event);
    } else if (event.type === 'points.retried') {
      this.#open_gate = null;
    } else if (event.type === 'gate.opened') {
      this.#open_gate = event.gate;
    } else if (event.type === 'gate.decided') {
      expect(event.gate, 'K3').toBe(this.#open_gate);
      this.#open_gate = null;
    } else if (event.type === 'effect.intended') {
      if (event.part !== 'poll') this.#calls += 1;
      const attempt = `${stream}/${event.step}`;
      if (event.part !== 'poll') this.#sent.set(attempt, (this.#sent.get(attempt) ?? 0) + 1);
      expect(event.attempt, 'K4').toBe((this.#succeeded.get(attempt) ?? 0) + 1);
    } else if (event.type === 'step.unresolved') {
      // Given up, and open again since a person had its point tried again: it is still the same attempt.
      this.#succeeded.set(`${stream}/${event.step}`, event.attempt - 1);
    } else if (event.type === 'step.failed') {
      const attempt = `${stream}/${event.step}`;
      this.#succeeded.set(attempt, event.attempt);
      if (event.class === 'licence_unavailable' && event.again_in_s !== null)
        this.#calls -= this.#sent.get(attempt) ?? 0;
      this.#sent.delete(attempt);
      if (event.class === 'unknown_outcome') expect(event.again_in_s, 'K4').toBeNull();
    }
  }

  #nextRow({ table: id, row, point }: Extract<RunEvent, { type: 'point.started' | 'point.skipped' }>): void {
    const table = this.#program.tables.get(id)!;
    expect(point, 'K8').toBe(table.first_point + row);
    if (row > 0) expect(point, 'K8').toBe(this.#last_started + 1);
    this.#last_started = point;
  }
}

// --- altered journals --------------------------------------------------------------------------------------------

/** Facts that one machine tells another: as bound to what stands before them as records are. */
const SIGNALS: readonly string[] = ['point.paused', 'point.resumed', 'point.cancelled'];
const TOLD = ['point.began', 'point.finished', 'point.retried', ...SIGNALS];

/** Sequence numbers as a forger would make them who recomputes the chains. */
function renumbered(entries: readonly Entry[]): Entry[] {
  const seqs = new Map<string, number>();
  return entries.map((entry) => {
    const seq = (seqs.get(entry.stream) ?? 0) + 1;
    seqs.set(entry.stream, seq);
    return { ...entry, seq };
  });
}

/** Every value in an event, changed in turn. */
function alterationsOf(event: RunEvent): RunEvent[] {
  const text = JSON.stringify(event);
  const altered: RunEvent[] = [];
  const paths = (value: unknown, path: (string | number)[]): (string | number)[][] =>
    typeof value === 'object' && value !== null
      ? [path, ...Object.entries(value).flatMap(([key, inner]) => paths(inner, [...path, key]))]
      : [path];
  for (const path of paths(event, [])) {
    const copy = JSON.parse(text) as Record<string, unknown>;
    let holder: Record<string | number, unknown> = copy;
    for (const key of path.slice(0, -1)) holder = holder[key] as Record<string | number, unknown>;
    const last = path.at(-1);
    if (last === undefined) copy['added'] = 1;
    else if (typeof holder[last] === 'number') holder[last] = (holder[last] as number) + 1;
    else if (typeof holder[last] === 'string') holder[last] = `${String(holder[last])}!`;
    else if (typeof holder[last] === 'boolean') holder[last] = !holder[last];
    else holder[last] = 'altered';
    altered.push(copy as unknown as RunEvent);
  }
  return altered;
}

function divergenceOf(program: Program, journal: readonly Entry[]): string {
  try {
    replay(program, journal);
    return 'accepted';
  } catch (error) {
    return error instanceof Divergence ? 'Divergence' : `${(error as Error).name}: ${(error as Error).message}`;
  }
}

describe.each(MADE)(
  'semantics $lock.semantics: a journal that was altered, with its chains recomputed',
  ({ program }) => {
    // Who grants, says it to the machine from outside in semantics 2.
    const told = program.lock.semantics < 2 ? [...TOLD, 'step.granted'] : TOLD;
    const follows = ({ event }: Entry) => !isFact(event.type) || told.includes(event.type);
    const calm = { disturbances: 30, cancels: false, failures: 0.1 };
    const cancelled = { disturbances: 60, cancels: true, failures: 0.1 };
    const journals = [1, 2, 3].map((seed) => play(program, { seed, ...calm }).journal);
    journals.push(play(program, { seed: 11, ...cancelled }).journal);

    test.each(journals.map((journal, index) => [index, journal] as const))(
      '%i: is accepted as it is',
      (_n, journal) => {
        expect(journal.length).toBeGreaterThan(40);
        expect(divergenceOf(program, renumbered(journal))).toBe('accepted');
      },
    );

    test.each(journals.map((journal, index) => [index, journal] as const))('%i: any changed value', (_n, journal) => {
      for (const [at, entry] of journal.entries()) {
        if (!follows(entry)) continue;
        for (const event of alterationsOf(entry.event)) {
          const altered = journal.with(at, { ...entry, event });
          expect(divergenceOf(program, altered), `${entry.stream}/${entry.seq} ${canonicalJson(event)}`).toBe(
            'Divergence',
          );
        }
      }
    });

    test.each(journals.map((journal, index) => [index, journal] as const))('%i: any dropped event', (_n, journal) => {
      for (const [at, entry] of journal.entries()) {
        if (!follows(entry) || SIGNALS.includes(entry.event.type)) continue;
        expect(divergenceOf(program, renumbered(journal.toSpliced(at, 1))), `${entry.stream}/${entry.seq}`).toBe(
          'Divergence',
        );
      }
    });

    test.each(journals.map((journal, index) => [index, journal] as const))(
      '%i: a dropped pause or cancel of a point is found, or can have crossed with its end and changed nothing',
      (_n, journal) => {
        const end = stateOf(replay(program, journal));
        const found: boolean[] = [];
        for (const [at, entry] of journal.entries()) {
          if (!SIGNALS.includes(entry.event.type)) continue;
          const altered = renumbered(journal.toSpliced(at, 1));
          found.push(divergenceOf(program, altered) === 'Divergence');
          if (found.at(-1)) continue;
          expect(stateOf(replay(program, altered)), `${entry.stream}/${entry.seq}`).toBe(end);
          const later = journal
            .slice(at + 1)
            .filter(({ stream, event }) => stream === entry.stream && SIGNALS.includes(event.type));
          expect(later, 'only the last that a point was told').toEqual([]);
        }
        expect(found.length === 0 || found.includes(true)).toBe(true);
      },
    );

    test.each(journals.map((journal, index) => [index, journal] as const))(
      '%i: any event added again',
      (_n, journal) => {
        for (const [at, entry] of journal.entries()) {
          if (!follows(entry)) continue;
          for (const where of [at, at + 1, Math.min(at + 5, journal.length), journal.length]) {
            const altered = renumbered(journal.toSpliced(where, 0, entry));
            expect(divergenceOf(program, altered), `${entry.stream}/${entry.seq} at ${where}`).toBe('Divergence');
          }
        }
      },
    );

    test.each(journals.map((journal, index) => [index, journal] as const))('%i: any two swapped', (_n, journal) => {
      for (const [at, entry] of journal.entries()) {
        const next = journal.findIndex((other, index) => index > at && other.stream === entry.stream);
        // Two facts can have happened in either order: the world's order is kept by the hash chain, not by the kernel.
        if (next < 0 || (isFact(entry.event.type) && isFact(journal[next]!.event.type))) continue;
        if (canonicalJson(entry.event) === canonicalJson(journal[next]!.event)) continue;
        const altered = renumbered(journal.with(at, journal[next]!).with(next, entry));
        expect(divergenceOf(program, altered), `${entry.stream}/${entry.seq}`).toBe('Divergence');
      }
    });

    test.each(journals.map((journal, index) => [index, journal] as const))(
      '%i: facts that are no facts are found, not stumbled over',
      (_n, journal) => {
        for (const [at, entry] of journal.entries()) {
          const { type } = entry.event;
          for (const event of [
            { type },
            { type, step: 1, part: [], outcome: null },
            { type: 'run.exploded' },
            { type: 'toString' },
          ]) {
            if (canonicalJson(event) === canonicalJson(entry.event)) continue;
            const altered = journal.with(at, { ...entry, event: event as unknown as RunEvent });
            expect(divergenceOf(program, altered), `${entry.stream}/${entry.seq}`).toBe('Divergence');
          }
          const moved = journal.with(at, { ...entry, stream: entry.stream === 'study' ? 'point/1' : 'study' });
          expect(divergenceOf(program, renumbered(moved)), `${entry.stream}/${entry.seq} moved`).toBe('Divergence');
        }
      },
    );

    test.each([
      ['a stream of no run', 'points/1'],
      ['a point 0', 'point/0'],
      ['another writing of a number', 'point/01'],
    ])('%s', (_name, stream) => {
      expect(divergenceOf(program, [...journals[0]!.slice(0, 1), { ...journals[0]![1]!, stream, seq: 1 }])).toBe(
        'Divergence',
      );
    });

    test('a journal that ends in the middle of what one fact leads to', () => {
      const boundaries = new Set<number>();
      play(program, { seed: 2, ...calm }, (driver) => boundaries.add(driver.journal.length));
      for (let length = 1; length <= journals[1]!.length; length += 1) {
        const expected = boundaries.has(length) ? 'accepted' : 'Divergence';
        expect(divergenceOf(program, journals[1]!.slice(0, length)), `${length}`).toBe(expected);
      }
    });
  },
);

// --- size --------------------------------------------------------------------------------------------------------

describe('size', () => {
  test('state follows the points in flight, not all points', () => {
    const { program: long } = makeLock({ in_flight: 8, study: [designPhase('explore')] }, { explore: 2000 });
    const sizes: number[] = [];
    const pools: number[] = [];
    new Driver(long, seededDice(1), { disturbances: 5, cancels: false, failures: 0.02 }, ({ machine, out, timers }) => {
      sizes.push(stateOf(machine).length);
      pools.push(out.size + timers.size);
    }).play();
    expect(sizes.length).toBeGreaterThan(2000);
    expect(Math.max(...sizes)).toBeLessThan(6000);
    expect(Math.max(...sizes.slice(-1000))).toBeLessThan(1.2 * Math.max(...sizes.slice(0, 1000)));
    expect(Math.max(...pools)).toBeLessThanOrEqual(8);
  });

  test('a fact reads a bounded number of rows of the design table, wherever it stands', () => {
    const { lock: long, tables, program: made } = makeLock({ in_flight: 8 }, { explore: 2000 });
    let reads = 0;
    const rows = new Proxy([...tables.get('explore')!.rows], {
      get: (target, key, receiver) => {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads += 1;
        return Reflect.get(target, key, receiver) as unknown;
      },
    });
    const watched = { ...made, lock: long, tables: new Map([['explore', { ...made.tables.get('explore')!, rows }]]) };
    let most = 0;
    new Driver(watched, seededDice(1), { disturbances: 0, cancels: false, failures: 0 }, () => {
      most = Math.max(most, reads);
      reads = 0;
    }).play();
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(2 * 8);
  });
});
