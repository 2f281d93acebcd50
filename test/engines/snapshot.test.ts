import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/base/result.ts';
import { recover, recoverRun } from '../../src/engines/embedded/recover.ts';
import { type JournalRow, pointStream } from '../../src/ir/events.ts';
import { seededDice } from '../kernel/driver.ts';
import { richLock } from '../kernel/locks.ts';
import { designPhase, makeCall, makeLock, makeStep } from '../kernel/support.ts';
import { boundaries, folded, journal, OF, Rows, shown, snapshotBehind } from './rows.ts';
import { Bench, World } from './support.ts';

describe('a run that is recovered from a snapshot', () => {
  test.each([1, 2])(
    'is what the whole journal says, semantics %i, wherever either ends',
    async (semantics) => {
      const { program } = richLock({ semantics });
      const pick = seededDice(semantics);
      const seen = { in_flight: 0, left: 0, timers: 0, gates: 0, paused: 0 };
      for (let seed = 1; seed <= 60; seed += 1) {
        const rows = journal(program, seed);
        const ends = boundaries(program, rows);
        for (let times = 0; times < 6; times += 1) {
          const [a, b] = [pick(), pick()].map((luck) => ends[Math.floor(luck * ends.length)]!).sort((x, y) => x - y);
          const snapshot = await snapshotBehind(program, rows.slice(0, a));
          const store = new Rows(rows.slice(0, b), snapshot);
          const told: string[] = [];
          const recovered = unwrap(await recoverRun(program, OF, store, (reason) => told.push(reason)));
          expect(told, `seed ${seed}, ${a} of ${b} rows`).toEqual([]);
          expect(shown(recovered), `seed ${seed}, ${a} of ${b} rows`).toBe(
            shown(await folded(program, rows.slice(0, b))),
          );
          const { study, points } = recovered.machine;
          seen.in_flight += points.size > 0 ? 1 : 0;
          seen.left += JSON.parse(snapshot.body).machine.left.length > 0 ? 1 : 0;
          seen.timers += recovered.pending.timers.size > 1 ? 1 : 0;
          seen.gates += study!.status === 'at_gate' ? 1 : 0;
          seen.paused += study!.paused ? 1 : 0;
        }
      }
      const { left, ...others } = seen;
      for (const [what, times] of Object.entries(others)) expect(times, what).toBeGreaterThan(4);
      expect(left > 10).toBe(semantics === 2);
    },
    60_000,
  );

  test('reads no more than the rows behind it, and those of points in flight', async () => {
    const { program } = richLock();
    const rows = journal(program, 4);
    const ends = boundaries(program, rows);
    const [near, last] = [ends.at(-8)!, ends.at(-1)!];
    const snapshot = await snapshotBehind(program, rows.slice(0, near));
    const store = new Rows(rows, snapshot);
    unwrap(await recoverRun(program, OF, store, () => undefined));
    const { points } = JSON.parse(snapshot.body).machine as { points: number[] };
    const own = rows.filter(({ stream }) => points.some((point) => stream === pointStream(point))).length;
    expect(store.read_rows).toBeLessThan(rows.length);
    expect(store.read_rows).toBeLessThanOrEqual(last - near + own + 2 * (points.length + 2));
  });
});

describe('a snapshot that does not hold is of no use, and does no harm:', () => {
  const { program } = richLock();
  const rows = journal(program, 4);
  const ends = boundaries(program, rows);
  const [at, end] = [ends[Math.floor(ends.length / 2)]!, ends.at(-3)!];

  async function recoveredWith(change: (body: Record<string, unknown>) => unknown, position = at) {
    const { body } = await snapshotBehind(program, rows.slice(0, at));
    const changed = change(JSON.parse(body));
    const text = typeof changed === 'string' ? changed : JSON.stringify(changed);
    const told: string[] = [];
    const store = new Rows(rows.slice(0, end), { position, body: text });
    const recovered = unwrap(await recoverRun(program, OF, store, (reason) => told.push(reason)));
    expect(shown(recovered)).toBe(shown(await folded(program, rows.slice(0, end))));
    return { told, read_rows: store.read_rows };
  }

  type Body = Record<string, Record<string, never>>;
  const machine = (changes: (part: Body) => object) => (body: Record<string, unknown>) => ({
    ...body,
    machine: { ...(body['machine'] as object), ...changes(body['machine'] as Body) },
  });

  const withTally = (study: object | undefined, changes: object) => ({
    ...study,
    tally: { ...(study as { tally: object }).tally, ...changes },
  });

  test.each<[string, (body: Record<string, unknown>) => unknown]>([
    ['no JSON', () => '{"format":1,'],
    ['of another run', (body) => ({ ...body, run: 'run-2' })],
    ['of another lock', (body) => ({ ...body, lock_sha256: 'other' })],
    ['of another row', (body) => ({ ...body, last: { ...(body['last'] as object), hash: 'f'.repeat(64) } })],
    ['of another head', (body) => ({ ...body, heads: { ...(body['heads'] as object), study: rows[0] } })],
    ['without heads', (body) => ({ ...body, heads: {} })],
    ['without its machine', (body) => ({ ...body, machine: null })],
    ['with a point that has ended', machine(({ points }) => ({ points: [1, ...(points as unknown as number[])] }))],
    ['without a point in flight', machine(() => ({ points: [] }))],
    ['with another number of a stream', machine(({ seqs }) => ({ seqs: { ...seqs, study: 3 } }))],
    ['with other counters', machine(({ study }) => ({ study: { ...study, in_flight: [] } }))],
    ['with other tokens', machine(({ pools }) => ({ pools: { ...pools, held: {}, waiting: [], free: {} } }))],
    ['with a study of another kind', machine(() => ({ study: 'x' }))],
    ['with a study that lacks a field', machine(({ study }) => ({ study: { ...study, to_retry: undefined } }))],
    ['with a study whose best points are none', machine(({ study }) => ({ study: withTally(study, { best: [7] }) }))],
    ['with a study that counts in words', machine(({ study }) => ({ study: withTally(study, { calls: 'x' }) }))],
    ['with pools that are none', machine(() => ({ pools: null }))],
    ['with wants that are none', machine(({ pools }) => ({ pools: { ...pools, waiting: [null] } }))],
    ['with times that are none', machine(() => ({ active_ms: 'long' }))],
    ['with a summary of another kind', (body) => ({ ...body, summary: { ...(body['summary'] as object), last: 7 } })],
    ['with counts that are none', (body) => ({ ...body, summary: { ...(body['summary'] as object), counts: {} } })],
  ])('%s', async (_what, change) => {
    const { told } = await recoveredWith(change);
    expect(told).toHaveLength(1);
  });

  test.each<[string, (body: Record<string, unknown>) => unknown]>([
    ['of another build', (body) => ({ ...body, format: 2 })],
    ['of other semantics', (body) => ({ ...body, semantics: 2 })],
  ])('%s, of which nothing is said', async (_what, change) => {
    const { told, read_rows } = await recoveredWith(change);
    expect(told).toEqual([]);
    expect(read_rows).toBe(end);
  });

  test('at another position than the store says', async () => {
    expect((await recoveredWith((body) => body, at - 1)).told).toHaveLength(1);
  });

  test('as it was, it does hold', async () => {
    const { told, read_rows } = await recoveredWith((body) => body);
    expect(told).toEqual([]);
    expect(read_rows).toBeLessThan(end);
  });

  test('taken before rows that are gone', async () => {
    const snapshot = await snapshotBehind(program, rows.slice(0, end));
    const told: string[] = [];
    const store = new Rows(rows.slice(0, at), snapshot);
    const recovered = unwrap(await recoverRun(program, OF, store, (reason) => told.push(reason)));
    expect(told).toHaveLength(1);
    expect(shown(recovered)).toBe(shown(await folded(program, rows.slice(0, at))));
  });
});

describe('rows behind a snapshot that do not hold', () => {
  const { program } = richLock();
  const rows = journal(program, 4);
  const ends = boundaries(program, rows);
  const [at, end] = [ends[Math.floor(ends.length / 2)]!, ends.at(-3)!];

  test.each<[string, (tail: JournalRow[]) => JournalRow[]]>([
    ['an altered body', ([first, ...others]) => [{ ...first!, observed: '{"host":"other"}' }, ...others]],
    ['an altered time', (tail) => tail.map((row, index) => (index === 2 ? { ...row, wall_ms: row.wall_ms + 1 } : row))],
    ['a lost row', ([, ...others]) => others],
    ['two rows exchanged', ([first, second, ...others]) => [second!, first!, ...others]],
  ])('are not gone on with: %s', async (_what, change) => {
    const snapshot = await snapshotBehind(program, rows.slice(0, at));
    const changed = [...rows.slice(0, at), ...change(rows.slice(at, end))];
    const renumbered = changed.map((row, index) => ({ ...row, position: index + 1 }));
    const recovered = await recoverRun(program, OF, new Rows(renumbered, snapshot), () => undefined);
    expect(recovered.ok ? 'recovered' : recovered.error.code).toBe('EVIDENCE_BROKEN');
  });
});

describe('while a run is performed', () => {
  const steps = [makeStep('solve', { call: makeCall('t/solve', { with: { x: '=x' } }), uses: { cores: 1 } })];
  const made = () =>
    makeLock({ pipeline: steps, pools: { cores: 5 }, in_flight: 8, study: [designPhase('all')] }, { all: 500 });

  async function killedAt(append: number, world = new World()) {
    const bench = await Bench.of(made(), world);
    const process = await (await bench.start({ crash: { append, when: 'after' } })).finish();
    expect(process.ended).toBe('crashed');
    return { bench, process, world };
  }

  test('snapshots are kept, that hold, and resume goes on from the latest', async () => {
    const { bench, world } = await killedAt(460);
    const rows = await bench.journalRows();
    const snapshot = await bench.process().journal.snapshot(bench.run);
    expect(snapshot!.position).toBeGreaterThan(2_000);
    expect(snapshot!.position).toBeLessThan(rows.length);
    const of = { run: bench.run, lock_sha256: bench.approved.lock_sha256 };
    const store = new Rows(rows, snapshot);
    const told: string[] = [];
    const recovered = unwrap(await recoverRun(bench.made.program, of, store, (reason) => told.push(reason)));
    expect(told).toEqual([]);
    expect(store.read_rows).toBeLessThan(rows.length / 2);
    const whole = unwrap(await recover(bench.made.program, of.lock_sha256, new Rows(rows, null).read(bench.run)));
    expect(shown(recovered)).toBe(shown(whole));
    const resumed = await (await bench.resume()).finish();
    expect([resumed.ended, resumed.notices]).toEqual(['completed', []]);
    expect(Object.keys(await bench.results())).toHaveLength(500);
    expect(Math.max(...world.effects.values())).toBe(1);
    const last = await bench.process().journal.snapshot(bench.run);
    expect(last!.position).toBe((await bench.journalRows()).length);
  }, 60_000);

  test('of a run that is killed again and again, there is never much behind the latest', async () => {
    const bench = await Bench.of(made(), new World());
    let process = await (await bench.start({ crash: { append: 40, when: 'after' } })).finish();
    const behind: number[] = [];
    while (process.ended === 'crashed') {
      const { journal } = bench.process();
      const rows = (await bench.journalRows()).length;
      behind.push(rows - ((await journal.snapshot(bench.run))?.position ?? 0));
      await journal.close();
      process = await (await bench.resume({ crash: { append: 40, when: 'after' } })).finish();
    }
    expect(process.ended).toBe('completed');
    expect(behind.length).toBeGreaterThan(8);
    expect(Math.max(...behind)).toBeLessThan(1_000 + 2 * 40 * 8);
    expect(Object.keys(await bench.results())).toHaveLength(500);
  }, 60_000);

  test('and one that does not hold is told, and costs nothing else', async () => {
    const { bench } = await killedAt(460);
    const { journal: store } = bench.process();
    const lease = unwrap(await store.acquire(bench.run));
    const { position, body } = (await store.snapshot(bench.run))!;
    await store.keepSnapshot(lease, { position, body: body.replace(/"next_row":\d+/, '"next_row":7') });
    await store.release(lease);
    const resumed = await (await bench.resume()).finish();
    expect(resumed.ended).toBe('completed');
    expect(resumed.notices).toEqual([expect.stringContaining('The snapshot of the run does not hold')]);
    expect(Object.keys(await bench.results())).toHaveLength(500);
  }, 60_000);
});
