import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { quantile } from '../../src/provenance/eta.ts';
import { assertGolden } from '../golden.ts';
import { appendRows, drafts, edit, findRows, restamp, storeOf } from '../provenance/altered.ts';
import { expctl, masked } from '../provenance/app.ts';
import { BEGIN_MS, type Recorded, recordRun, SPOILT } from '../provenance/recorded.ts';

let recorded: Recorded;
let at_gate: Recorded;
const folders: string[] = [];
beforeAll(async () => {
  recorded = await recordRun({ spoil: SPOILT });
  at_gate = await recordRun({ gate: 'wait' });
});
afterAll(() => {
  recorded.remove();
  at_gate.remove();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** The run as it was when some of its events had not happened. */
function cut(events: number, performed: 'elsewhere' | 'by nobody'): { cwd: string; now_ms: number } {
  const rows = recorded.rows.slice(0, events);
  const cwd = storeOf(recorded, rows, { performed });
  folders.push(cwd);
  return { cwd, now_ms: rows.at(-1)!.wall_ms + 500 };
}

/** Just behind the first answer of a point with this step. */
function behind(type: string, step: string, nth = 0): number {
  return findRows(drafts(recorded.rows), type, (body) => body['step'] === step)[nth]! + 1;
}

async function status(where: { cwd: string; now_ms: number }): Promise<JsonObject & Record<string, never>> {
  return JSON.parse((await expctl(['status', '--json'], where)).out) as JsonObject & Record<string, never>;
}

describe('status', () => {
  test('of a run that ended, of one at a gate, of one that goes on, of one that was interrupted', async () => {
    const now_ms = BEGIN_MS + 3_600_000;
    const middle = behind('effect.intended', 'solve', 9);
    const runs: [string, { cwd: string; now_ms: number }, string[]][] = [
      ['ended', { cwd: recorded.project, now_ms }, ['--points']],
      ['waits at its gate', { cwd: at_gate.project, now_ms }, []],
      ['goes on', cut(middle, 'elsewhere'), []],
      ['interrupted', cut(middle, 'by nobody'), []],
    ];
    const texts: string[] = [];
    for (const [name, where, flags] of runs) {
      const { out, err, status: exit } = await expctl(['status', ...flags], where);
      expect(exit).toBe(0);
      texts.push(`== ${name}\n${out}${err}`);
    }
    assertGolden('provenance/status.txt', masked(texts.join('\n')));
  });

  test('--json tells the same', async () => {
    const ended = await status({ cwd: recorded.project, now_ms: BEGIN_MS });
    const finished = recorded.rows.filter(({ type }) => type === 'point.finished').map(({ body }) => JSON.parse(body));
    const good = finished.filter(({ result }) => result.status === 'succeeded');
    const best = good
      .filter(({ result }) => result.feasible)
      .sort((a, b) => a.result.metrics.mass - b.result.metrics.mass)[0];
    expect(ended).toMatchObject({
      state: 'stopped',
      waits_for: null,
      eta: null,
      in_flight: [],
      points: { planned: 12, done: 12, succeeded: good.length, failed: 12 - good.length, cancelled: 0 },
      failures: { tool_failed: 12 - good.length },
      best: { point: best.point, metrics: best.result.metrics },
      budget: { points: { used: 12, limit: 16 } },
    });
    const calls = finished.reduce((sum: number, { result }) => sum + result.calls, 0);
    expect(ended['budget']).toMatchObject({ calls: { used: calls, limit: 200 } });
  });

  test('says what is in flight, which pools are held, and how long it will take', async () => {
    const middle = await status(cut(behind('effect.intended', 'post', 4), 'elsewhere'));
    expect(middle).toMatchObject({ state: 'running', broken: null });
    const in_flight = middle['in_flight'] as unknown as { point: number; steps: { step: string; status: string }[] }[];
    expect(in_flight.length).toBeGreaterThan(1);
    const solving = in_flight
      .flatMap(({ steps }) => steps)
      .filter(({ step, status: at }) => step.startsWith('solve.') && at === 'out');
    expect(middle['pools']).toEqual({ cores: { held: solving.length, tokens: 2 } });
    const { from_s, likely_s, to_s } = middle['eta'] as unknown as { from_s: number; likely_s: number; to_s: number };
    // The virtual beam takes about 2 s in two cores, 3 steps of 0.3 s besides; some points wait for a retry.
    expect(likely_s).toBeGreaterThan(4);
    expect(likely_s).toBeLessThan(40);
    expect(from_s).toBeLessThanOrEqual(likely_s);
    expect(to_s).toBeGreaterThanOrEqual(likely_s);
  });

  test('of a gate gives the exact next command, also once a decision was handed in', async () => {
    const waiting = await status({ cwd: at_gate.project, now_ms: BEGIN_MS });
    const command = `expctl gate ${at_gate.run} --outcome 'continue|stop' --key FILE`;
    expect(waiting).toMatchObject({ state: 'waits', waits_for: { gate: 'pilot', role: 'lead', command } });
  });

  test('of a journal that does not hold says so', async () => {
    const rows = drafts(recorded.rows);
    const [at] = findRows(rows, 'point.finished', (body) => (body['result'] as JsonObject)['feasible'] === true);
    edit(rows[at!]!, (body) => Object.assign((body['result'] as { metrics: JsonObject }).metrics, { mass: 0.01 }));
    const cwd = storeOf(recorded, restamp(rows));
    folders.push(cwd);
    const { out } = await expctl(['status'], { cwd });
    expect(out).toContain('does not hold from study/');
    expect(out).toContain('expctl replay');
  });
});

test('quantiles are between the nearest two values', () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(quantile([1, 2, 3], 0.25)).toBe(1.5);
  expect(quantile([7], 0.75)).toBe(7);
});

describe('watch', () => {
  test('tells what happened and ends with the run', async () => {
    const { out, err, status: exit } = await expctl(['watch'], { cwd: recorded.project, now_ms: BEGIN_MS });
    expect(exit).toBe(0);
    assertGolden('provenance/watch.txt', masked(`${out}--- standard error\n${err}`));
  });

  test('follows while the run goes on', async () => {
    const [gate] = findRows(drafts(recorded.rows), 'gate.decided');
    const { cwd } = cut(gate! + 1, 'elsewhere');
    let waits = 0;
    const onWait = () => {
      waits += 1;
      if (waits === 2) appendRows(cwd, recorded.rows.slice(gate! + 1));
    };
    const { out, status: exit } = await expctl(['watch', '--jsonl'], { cwd, now_ms: BEGIN_MS, onWait });
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonObject);
    expect(exit).toBe(0);
    expect(waits).toBe(2);
    expect(lines[0]).toEqual({ type: 'version', schema: 'expctl.events/1.0' });
    expect(lines.slice(1).map(({ type, stream, seq }) => [type, stream, seq])).toEqual(
      recorded.rows.map(({ type, stream, seq }) => [type, stream, seq]),
    );
  });

  test('ends at a gate with status 5, and where nobody performs the run', async () => {
    const gate = await expctl(['watch'], { cwd: at_gate.project, now_ms: BEGIN_MS });
    expect(gate.status).toBe(5);
    expect(gate.err).toContain(`expctl gate ${at_gate.run} --outcome 'continue|stop'`);
    const dead = await expctl(['watch'], cut(40, 'by nobody'));
    expect(dead.status).toBe(5);
    expect(dead.err).toContain('no process performs it');
  });
});
