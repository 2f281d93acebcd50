import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import type { EffectView } from '../../src/provenance/effects.ts';
import { assertGolden } from '../golden.ts';
import { drafts, edit, findRows, storeOf } from '../provenance/altered.ts';
import { expctl, masked } from '../provenance/app.ts';
import { type Recorded, recordRun, SPOILT } from '../provenance/recorded.ts';

let recorded: Recorded;
beforeAll(async () => {
  recorded = await recordRun({ spoil: SPOILT });
});
afterAll(() => recorded.remove());

async function trace(...what: string[]): Promise<JsonObject & Record<string, never>> {
  const { out, status } = await expctl(['trace', recorded.run, ...what, '--json'], { cwd: recorded.project });
  expect(status).toBe(0);
  return JSON.parse(out) as JsonObject & Record<string, never>;
}

describe('as text', () => {
  for (const [name, what] of Object.entries({
    run: [],
    point: ['1'],
    failed: ['3'],
    value: ['deflection@1'],
    metric: ['mass'],
  })) {
    test(`of a ${name}`, async () => {
      const { out, err, status } = await expctl(['trace', recorded.run, ...what], { cwd: recorded.project });
      expect(status).toBe(0);
      assertGolden(`provenance/trace-${name}.txt`, masked(`${out}${err}`));
    });
  }
});

test('of a journal that was edited says so, where it was asked about that, and ends with 6; so does its export', async () => {
  const rows = drafts(recorded.rows);
  const [at] = findRows(rows, 'point.finished', (body) => (body['result'] as JsonObject)['feasible'] === true);
  edit(rows[at!]!, (body) => Object.assign((body['result'] as { metrics: JsonObject }).metrics, { mass: 0.01 }));
  const point = String(JSON.parse(recorded.rows[at!]!.body).point);
  const cwd = storeOf(recorded, rows);
  try {
    for (const what of [[], [point], [`mass@${point}`], ['mass']]) {
      const { err, status } = await expctl(['trace', recorded.run, ...what], { cwd });
      expect([what, status]).toEqual([what, 6]);
      expect(err).toContain('The journal does not hold');
    }
    expect((await expctl(['export'], { cwd })).status).toBe(6);
    // Of one point no more is read than what is about it: that is quick, however long the run was.
    expect(point).not.toBe('1');
    expect((await expctl(['trace', recorded.run, '1'], { cwd })).status).toBe(0);
  } finally {
    rmSync(cwd, { recursive: true });
  }
});

test('a number goes back to every call that it was made of, nearest first, and to who approved it', async () => {
  const traced = await trace('deflection@1');
  const row = recorded.rows.find(({ type, body }) => type === 'point.finished' && JSON.parse(body).point === 1)!;
  expect(traced['value']).toBe(JSON.parse(row.body).result.metrics.deflection);
  const lineage = traced['lineage'] as unknown as EffectView[];
  expect(lineage.map(({ step, part, attempt }) => `${step}.${part}/${attempt}`)).toEqual([
    'post.call/1',
    'solve.fetch/2',
    'solve.poll/2',
    'solve.submit/2',
    'mesh.call/1',
    'cad.call/1',
  ]);
  for (const effect of lineage) {
    const intent = recorded.rows.find(({ stream, seq }) => stream === 'point/1' && seq === effect.intended_seq)!;
    expect(effect).toMatchObject({
      key: JSON.parse(intent.observed).key,
      arguments: JSON.parse(intent.body).arguments,
    });
    expect(effect.observed).toMatchObject({ host: 'lab', solver: 'builtin', tool_version: 'beam 1.0.0' });
    expect(effect.tool.pin).toBe(recorded.lock.tools[0]!.pin);
  }
  expect(traced['approvals']).toMatchObject([
    {
      principal: 'alice',
      role: '*',
      self_approved: true,
      comment: 'Looks right.',
      signed_ms: Date.UTC(2026, 0, 31, 11, 30),
    },
  ]);
  expect(traced['lock_sha256']).toBe(recorded.lock_sha256);
});

test('a point shows every attempt', async () => {
  const traced = await trace('1');
  const effects = traced['effects'] as unknown as EffectView[];
  expect(
    effects.filter(({ step, part }) => step === 'solve' && part === 'submit').map(({ outcome }) => outcome?.ok),
  ).toEqual([false, true]);
  expect(traced).toMatchObject({
    kind: 'point',
    phase: 'explore',
    chain_holds: true,
    failures: [{ class: 'transient', again_in_s: 10 }],
  });
});

test('a file goes back to the call that made it, and its digest may be short', async () => {
  const cad = ((await trace('4'))['effects'] as unknown as EffectView[])[0]!;
  const [file] = cad.artifacts;
  for (const prefix of [file!.sha256, file!.sha256.slice(0, 8)]) {
    expect(await trace(prefix)).toMatchObject({
      kind: 'object',
      objects: [
        {
          sha256: file!.sha256,
          is: 'the file cantilever.step',
          kept: true,
          bytes: file!.bytes,
          made_by: [{ point: 4 }],
        },
      ],
    });
  }
  expect((await trace(recorded.lock_sha256))['objects']).toMatchObject([{ is: 'the lock', kept: true }]);
  expect((await trace(cad.key!))['objects']).toMatchObject([
    { is: 'the key of an effect', kept: false, used_by: [{ point: 4 }] },
  ]);
});

test('a metric shows where each value came from', async () => {
  const { points } = await trace('mass');
  expect(points).toHaveLength(12);
  expect((points as unknown as { from: EffectView }[]).every(({ from }) => from.step === 'post')).toBe(true);
});

test('what is not there is not found', async () => {
  for (const what of ['nothing', '17', 'mass@17', 'abcdef12', 'abc']) {
    const { status, err } = await expctl(['trace', recorded.run, what], { cwd: recorded.project });
    expect({ what, status }).toEqual({ what, status: 2 });
    expect(err).toContain('mass, deflection');
  }
});

test('one word that is no run is asked of the latest run', async () => {
  for (const [what, kind] of [
    ['mass@1', 'value'],
    ['mass', 'metric'],
    ['1', 'point'],
    [recorded.run.slice(0, 6), 'run'],
  ] as const) {
    const { out, status } = await expctl(['trace', what, '--json'], { cwd: recorded.project });
    expect([status, (JSON.parse(out) as JsonObject)['kind']]).toEqual([0, kind]);
  }
});
