import { describe, expect, test } from 'vitest';
import { seededDice } from '../kernel/driver.ts';
import { decidePhase, designPhase, gatePhase, JOB, makeCall, makeLock, makeStep } from '../kernel/support.ts';
import { Bench, type CrashAt, type Fate, type Process, type Sending, World } from './support.ts';

const retry = { attempts: 3, backoff_s: 5, on: ['transient'] };

/** A job, a pool, retries, a gate with a time-out and an extension, on six points. */
function made() {
  const extend = { do: 'extend' as const, phase: 'explore', points: 2, tables: ['explore#1'] };
  const pipeline = [
    makeStep('cad', { call: makeCall('t/cad', { with: { x: '=x' } }), retry }),
    makeStep('mesh', { needs: ['cad'], call: makeCall('t/mesh', { with: { id: '=cad.id' }, effect: 'pure' }) }),
    makeStep('solve', { needs: ['mesh'], uses: { cores: 1 }, job: JOB, retry }),
  ];
  return makeLock(
    {
      pipeline,
      pools: { cores: 2 },
      in_flight: 3,
      budget: { points: 50, calls: 500, wall_time_s: 36_000, failed_points: null },
      study: [
        designPhase('explore'),
        gatePhase('pilot', 3600),
        decidePhase('judge', [{ if: 'size(feasible) < 5', action: extend, at_most: 1 }]),
      ],
    },
    { explore: 4, 'explore#1': 2 },
  );
}

/** Now and then something goes wrong, in the same way for the same call. */
function fate({ call, arguments: given, nth }: Sending): Fate {
  if (call === 'cad' && given['x'] === 2 && nth === 1) return 'lose';
  if (call === 'mesh' && nth === 1) return { after_s: 1 };
  if (call === 'submit' && given['x'] === 3 && nth === 1) return 'die';
  return call === 'fetch' && given['id'] === 'job-4' && nth === 1 ? 'lose' : 'answer';
}

async function bench(): Promise<Bench> {
  const world = new World();
  world.fate = fate;
  world.answer = worldAnswer(world);
  return Bench.of(made(), world);
}

/** Jobs take three polls; the first attempt of one cad call is told to come again. */
function worldAnswer(world: World): World['answer'] {
  const { answer } = world;
  return (sending) => (sending.call === 'wait' && sending.nth < 3 ? { status: 'running' } : answer(sending));
}

/** Performs the run over as many processes as it needs; a gate is decided once. */
async function perform(on: Bench, crashes: readonly CrashAt[]): Promise<Process[]> {
  const processes: Process[] = [];
  let decided = false;
  for (let turn = 0; turn < 12; turn += 1) {
    const begun = (await on.journalRows()).length > 0;
    const crash = crashes[turn];
    const process = await (begun ? on.resume({ crash }) : on.start({ crash }));
    processes.push(await process.finish());
    if (process.ended === 'gate' && !decided) {
      decided = true;
      await on.decide('continue');
    } else if (process.ended !== 'crashed' && process.ended !== 'gate') return processes;
  }
  throw new Error(`the run does not end: ${processes.map((one) => one.ended).join(', ')}`);
}

async function outcome(on: Bench) {
  const results = await on.results();
  return {
    points: Object.fromEntries(
      Object.entries(results).map(([point, { status, metrics, calls }]) => [point, { status, metrics, calls }]),
    ),
    effects: on.world.effects.size,
    most: Math.max(...on.world.effects.values()),
    end: (await on.types()).at(-1),
  };
}

async function undisturbed() {
  const on = await bench();
  const processes = await perform(on, []);
  return { processes, expected: await outcome(on) };
}

describe('a crash at any append, then resume', () => {
  test('an undisturbed run has what the others are compared with', async () => {
    const { processes, expected } = await undisturbed();
    expect(processes.map((process) => process.ended)).toEqual(['gate', 'completed']);
    expect(Object.keys(expected.points)).toHaveLength(6);
    expect(expected).toMatchObject({
      end: 'run.finished',
      most: 1,
      points: { 6: { status: 'succeeded', metrics: { mass: 6 } } },
    });
    // per point: cad, mesh, submit, fetch; and the polls of one job, which share a key
    expect(expected.effects).toBe(6 * 5);
  });

  test.each([
    [0, 'before'],
    [0, 'after'],
    [1, 'before'],
    [1, 'after'],
  ] as const)('of the process %i, for each of them, %s the commit', async (turn, when) => {
    const { processes, expected } = await undisturbed();
    const { appends } = processes[turn]!;
    expect(appends).toBeGreaterThan(10);
    for (let append = 1; append <= appends; append += 1) {
      const on = await bench();
      const crashes: CrashAt[] = [];
      crashes[turn] = { append, when };
      const ends = (await perform(on, crashes)).map((process) => process.ended);
      expect(ends[turn], `append ${append}`).toBe('crashed');
      expect(ends.at(-1), `append ${append}`).toBe('completed');
      expect(await outcome(on), `append ${append}`).toEqual(expected);
    }
  });

  test('and crashes while resuming, and while resuming that', async () => {
    const { expected } = await undisturbed();
    const dice = seededDice(7);
    const crash = (most: number): CrashAt => ({
      append: 1 + Math.floor(dice() * most),
      when: dice() < 0.5 ? 'before' : 'after',
    });
    for (let pair = 0; pair < 40; pair += 1) {
      const crashes = [crash(24), crash(12), crash(12)];
      const on = await bench();
      const processes = await perform(on, crashes);
      expect(
        processes.filter((process) => process.ended === 'crashed').length,
        JSON.stringify(crashes),
      ).toBeGreaterThan(0);
      expect(await outcome(on), JSON.stringify(crashes)).toEqual(expected);
    }
  });
});

describe('a `once` call that was out at the crash', () => {
  test.each([
    ['before its intent is durable: it was never sent, and is sent', 1, 'before', 1, 'succeeded'],
    ['after its intent is durable: nobody can know, and it is not sent again', 1, 'after', 0, 'failed'],
    ['before its answer is durable: it happened once, and is not sent again', 2, 'before', 1, 'failed'],
    ['after its answer is durable: it is not sent again', 2, 'after', 1, 'succeeded'],
  ] as const)('%s', async (_name, append, when, sent, status) => {
    const pipeline = [makeStep('solve', { call: makeCall('t/solve', { with: { x: '=x' }, effect: 'once' }) })];
    const on = await Bench.of(makeLock({ pipeline }, { explore: 1 }), new World({ dedupes: false }));
    await perform(on, [{ append, when }]);
    const results = await on.results();
    expect(results[1]).toMatchObject({ status });
    if (status === 'failed') expect(results[1]!.failure?.class).toBe('unknown_outcome');
    expect(on.world.sendings).toHaveLength(sent);
    expect(Math.max(0, ...on.world.effects.values())).toBe(sent);
  });
});

test('a crash between a message and its removal: it is obeyed once', async () => {
  const on = await Bench.of(makeLock({}, { explore: 2 }));
  on.world.fate = () => 'hang';
  const first = await (await on.start({ crash: { append: 2, when: 'after' } })).settle();
  await on.post('cancel');
  on.world.clock.advance(0.2);
  await first.settle();
  expect(first.ended).toBe('crashed');
  expect(await on.inboxSize()).toBe(1);
  on.world.fate = () => 'answer';
  const second = await (await on.resume()).finish();
  expect(second.ended).toBe('cancelled');
  expect((await on.types()).filter((type) => type === 'run.cancelled')).toHaveLength(1);
  expect(await on.inboxSize()).toBe(0);
  await on.verified();
});
