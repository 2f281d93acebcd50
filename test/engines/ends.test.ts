import { describe, expect, test } from 'vitest';
import { ExpctlError } from '../../src/base/error.ts';
import { err, ok } from '../../src/base/result.ts';
import { resumeRun, startRun } from '../../src/engines/embedded/engine.ts';
import { recover } from '../../src/engines/embedded/recover.ts';
import { designPhase, gatePhase, makeCall, makeLock } from '../kernel/support.ts';
import { small } from './small.ts';
import { Bench, World } from './support.ts';

describe('wall time', () => {
  const budget = (wall_time_s: number) => ({ points: 100, calls: 1000, wall_time_s, failed_points: null });

  test('ends the run in good order', async () => {
    const world = new World();
    const bench = await Bench.of(small({}, { budget: budget(25), in_flight: 1 }, 9), world);
    world.fate = () => ({ after_s: 10 });
    const first = await (await bench.start()).finish();
    expect(first.end).toMatchObject({ value: { status: 'failed', reason: expect.stringMatching(/wall time/) } });
    expect(world.sendings).toHaveLength(3);
  });

  test('stands still at a gate, while paused, and while nobody performs the run', async () => {
    const world = new World();
    const study = [designPhase('explore'), gatePhase('pilot'), designPhase('refine')];
    const made = makeLock({ study, budget: budget(45), in_flight: 1 }, { explore: 3, refine: 2 });
    const bench = await Bench.of(made, world);
    world.fate = () => ({ after_s: 10 });
    const first = await (await bench.start({ wait: true })).settle();
    world.clock.advance(10);
    await first.settle();
    first.performance!.drain('lunch');
    await first.finish(11);
    expect(first.ended).toBe('paused');
    world.clock.advance(1000);
    const second = await (await bench.resume({ wait: true })).finish(1000);
    expect(second.ended).toBe('going on');
    await bench.decide('continue');
    const last = await second.finish();
    expect(last.ended, '40 s of 45 are used: those of points 1, 3, 4 and 5').toBe('completed');
  });

  test('what earlier processes used counts, and what lies between them does not', async () => {
    const world = new World();
    const bench = await Bench.of(small({}, { budget: budget(35), in_flight: 1 }, 9), world);
    world.fate = () => ({ after_s: 10 });
    for (const begin of ['start', 'resume'] as const) {
      const process = await (await bench[begin]()).settle();
      world.clock.advance(10);
      await process.settle();
      process.performance!.stop();
      await process.settle();
      world.clock.advance(9999);
    }
    expect((await (await bench.resume()).finish()).ended).toBe('failed');
    expect(Object.keys(await bench.results()), 'it ends within the fourth').toEqual(['1', '2', '3', '4']);
  });
});

describe('what ends a performance', () => {
  test('RUN_LOCKED while another process performs the run', async () => {
    const bench = await Bench.of(small({}, {}, 2));
    bench.world.fate = () => 'hang';
    const first = await (await bench.start()).settle();
    const pid = bench.alive[0]!;
    const second = bench.process();
    bench.alive.push(pid);
    expect((await second.begin(resumeRun)).ended).toBe('RUN_LOCKED');
    expect(bench.world.sendings).toHaveLength(2);
    first.performance!.stop();
    await first.settle();
  });

  test('an approval that expires: nothing more is sent, what is out is waited for, and the run can be resumed', async () => {
    const world = new World();
    const bench = await Bench.of(
      small({ call: makeCall('t/solve', { effect: 'once', with: { x: '=x' } }) }, { in_flight: 2 }, 4),
      world,
    );
    world.fate = ({ arguments: given }) => ({ after_s: given['x'] === 1 ? 20 * 24 * 3600 : 21 * 24 * 3600 });
    const first = await (await bench.start()).finish();
    expect(first.ended).toBe('APPROVAL_EXPIRED');
    expect(world.sendings, 'the call that point 1 made room for was not sent').toHaveLength(2);
    const results = await bench.results();
    expect(results[2], 'a call that was out was waited for').toMatchObject({ status: 'succeeded' });
    expect((await bench.types()).at(-1)).not.toBe('run.finished');
    expect((await (await bench.resume()).finish()).ended, 'still expired').toBe('APPROVAL_EXPIRED');
    expect(world.sendings).toHaveLength(2);
    const rows = await bench.verified();
    expect(rows.filter((row) => row.type === 'effect.resent')).toEqual([]);
    expect(Object.keys(await bench.results()), 'the call that was not sent is not given up').toEqual(['1', '2']);
  });

  test('an approval that has expired stays expired when the clock is set back', async () => {
    const world = new World();
    const bench = await Bench.of(small({}, { in_flight: 1 }, 3), world);
    world.fate = () => ({ after_s: 20 * 24 * 3600 });
    expect((await (await bench.start()).finish()).ended).toBe('APPROVAL_EXPIRED');
    world.clock.advance(-20 * 24 * 3600);
    expect((await (await bench.resume()).finish()).ended).toBe('APPROVAL_EXPIRED');
    expect(world.sendings).toHaveLength(1);
  });

  test.each([2, 3, 4])(
    'a full disk at append %i: STORE_UNUSABLE, nothing more is sent, resume goes on',
    async (full_at) => {
      const world = new World();
      const bench = await Bench.of(small({}, { in_flight: 1 }, 5), world);
      world.fate = () => ({ after_s: 1 });
      const first = await (await bench.start({ full_at })).finish();
      expect(first.ended).toBe('STORE_UNUSABLE');
      const sent = world.sendings.length;
      expect(sent).toBe(full_at - 1);
      world.clock.advance(1000);
      await first.settle();
      expect(world.sendings).toHaveLength(sent);
      expect((await (await bench.resume()).finish()).ended).toBe('completed');
      expect([...world.effects.values()]).toEqual([1, 1, 1, 1, 1]);
    },
  );

  test('a full disk at the very first write: no run, no tool left open', async () => {
    const bench = await Bench.of(small());
    const process = bench.process({ full_at: 1 });
    await expect(startRun(process.deps, process.options)).rejects.toMatchObject({ code: 'STORE_UNUSABLE' });
    expect(process.closed_sessions).toBe(1);
    expect(await process.journal.runs()).toEqual([]);
  });

  test('a tool that is not the pinned one: nothing is started, no use is counted, the lease is given back', async () => {
    const error = new ExpctlError('TOOL_DRIFT', 'moved', { hint: 'pin' });
    const tools = { open: async () => ({ ok: false as const, error }) };
    const bench = await Bench.of(small({}, { in_flight: 1 }, 2));
    const refused = bench.process({ deps: { tools } });
    expect((await refused.begin(startRun)).ended).toBe('TOOL_DRIFT');
    expect(await refused.journal.runs()).toEqual([]);
    const first = await bench.start();
    first.performance!.stop();
    await first.settle();
    expect((await bench.resume({ deps: { tools } })).ended).toBe('TOOL_DRIFT');
    const pid = bench.alive[0]!;
    const last = bench.process();
    bench.alive.push(pid); // the process that was refused lives on, and holds nothing
    expect((await (await last.begin(resumeRun)).finish()).ended).toBe('completed');
  });

  test('a journal of another lock, of newer semantics, or that does not follow, is not gone on with', async () => {
    const bench = await Bench.of(small({}, {}, 2));
    await (await bench.start()).finish();
    const rows = await bench.journalRows();
    const code = async (lock_sha256: string, change: (text: string) => string) => {
      const altered = rows.map((row) =>
        row.type === 'run.started' || row.type === 'effect.intended' ? { ...row, body: change(row.body) } : row,
      );
      const recovered = await recover(
        bench.made.program,
        lock_sha256,
        (async function* () {
          yield* altered;
        })(),
      );
      return recovered.ok ? 'recovered' : recovered.error.code;
    };
    const { lock_sha256 } = bench.approved;
    expect(await code(lock_sha256, (text) => text)).toBe('recovered');
    expect(await code('other', (text) => text)).toBe('LOCK_CHANGED');
    expect(await code(lock_sha256, (text) => text.replace('"semantics":1', '"semantics":3'))).toBe('DATA_INVALID');
    expect(await code(lock_sha256, (text) => text.replace('"x":2', '"x":3'))).toBe('EVIDENCE_BROKEN');
  });
});

describe('a clock that was set forward', () => {
  test('nothing more is sent, what is out is waited for, and whoever resumes finds how it stood', async () => {
    const world = new World();
    const bench = await Bench.of(small({}, { in_flight: 1 }, 3), world);
    let ahead = false;
    const details = { by_ms: 7_200_000, effective_ms: 1, monotonic_ms: 2 };
    const jumped = new ExpctlError('CLOCK_JUMPED', 'The clock was set forward.', { hint: 'Set it.', details });
    const process = bench.process({ deps: { checkClock: () => (ahead ? err(jumped) : ok(undefined)) } });
    world.fate = () => {
      ahead = true;
      return 'answer';
    };
    await (await process.begin(startRun)).finish();
    expect(process.ended).toBe('CLOCK_JUMPED');
    expect(world.sendings).toHaveLength(1);
    const [pause] = (await bench.journalRows()).filter(({ type }) => type === 'run.paused');
    expect(JSON.parse(pause!.observed)).toEqual({ clock: details });
    const resumed = await (await bench.resume()).finish();
    expect(resumed.ended).toBe('completed');
    expect(world.sendings).toHaveLength(3);
    expect(await bench.inboxSize()).toBe(0);
  });

  test('the message for whoever resumes is there until then', async () => {
    const world = new World();
    const bench = await Bench.of(small(), world);
    const jumped = new ExpctlError('CLOCK_JUMPED', 'It was set forward.', { hint: 'Set it.', details: { by_ms: 1 } });
    const process = await (await bench.start({ deps: { checkClock: () => err(jumped) } })).finish();
    expect([process.ended, world.sendings.length, await bench.inboxSize()]).toEqual(['CLOCK_JUMPED', 0, 1]);
  });
});
