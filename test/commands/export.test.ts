import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unwrap } from '../../src/base/result.ts';
import { parseCsv } from '../../src/plan/csv.ts';
import { exportCsv } from '../../src/provenance/export.ts';
import { assertGolden } from '../golden.ts';
import { expctl } from '../provenance/app.ts';
import { type Recorded, recordRun, SPOILT } from '../provenance/recorded.ts';

let recorded: Recorded;
beforeAll(async () => {
  recorded = await recordRun({ spoil: SPOILT });
});
afterAll(() => recorded.remove());

test('a record for each point, units in the header, numbers in full', async () => {
  const { out, status } = await expctl(['export', '--csv'], { cwd: recorded.project });
  expect(status).toBe(0);
  assertGolden('provenance/export.csv', out);
  const [header, ...records] = unwrapCsv(out);
  expect(header).toEqual(expect.arrayContaining(['width [mm]', 'deflection [mm]', 'mass [kg]']));
  for (const row of recorded.rows.filter(({ type }) => type === 'point.finished')) {
    const { point, result } = JSON.parse(row.body);
    const record = records.find(([number]) => number === String(point))!;
    const field = (name: string) => record[header!.indexOf(name)];
    expect(field('mass [kg]')).toBe(result.metrics.mass === undefined ? '' : String(result.metrics.mass));
    expect(field('feasible')).toBe(result.feasible === null ? '' : String(result.feasible));
    expect(field('failure_class')).toBe(result.failure?.class ?? '');
  }
});

test('a file gets the same bytes, and --json has the same points', async () => {
  const { out } = await expctl(['export'], { cwd: recorded.project });
  const written = await expctl(['export', '-o', 'out/points.csv'], { cwd: recorded.project });
  expect({ out: written.out, status: written.status }).toEqual({ out: '', status: 0 });
  expect(readFileSync(join(recorded.project, 'out/points.csv'), 'utf8')).toBe(out);
  const json = JSON.parse((await expctl(['export', '--json'], { cwd: recorded.project })).out);
  expect(json.points).toHaveLength(12);
  expect(json).toMatchObject({
    ended: true,
    lock_sha256: recorded.lock_sha256,
    metrics: [{ name: 'mass', unit: 'kg' }, {}],
  });
  expect((await expctl(['export', '--json', '--csv'], { cwd: recorded.project })).status).toBe(2);
});

test('a text that a spreadsheet would take for a formula is none any more; numbers stay as they are', () => {
  const values = { a: '=HYPERLINK("http://x")', b: '@SUM(A1)', c: '+cmd|x', d: '-5', e: -5e-7, f: '-a', g: '\t=1' };
  const point = { point: 1, phase: 'p', status: 'succeeded', values, metrics: {}, feasible: null, failure: null };
  const variables = Object.keys(values).map((name) => ({ name, unit: '' }));
  const run = { run: 'r', plan: 'p', lock_sha256: '', ended: true, variables, metrics: [], points: [point] };
  const [, record] = unwrapCsv(exportCsv(run as unknown as Parameters<typeof exportCsv>[0]));
  const fields = [`'=HYPERLINK("http://x")`, "'@SUM(A1)", "'+cmd|x", '-5', '-5e-7', "'-a", "'\t=1"];
  expect(record!.slice(3, 10)).toEqual(fields);
});

test('fields with commas, quotes and line ends are quoted', () => {
  const values = { material: 'steel, "S355"\nrolled', plain: 'a b' };
  const point = {
    point: 1,
    phase: 'p',
    status: 'running',
    values,
    metrics: {},
    feasible: null,
    failure: null,
  } as const;
  const rest = { calls: null, started_ms: 0, ended_ms: null };
  const variables = [
    { name: 'material', unit: '1' },
    { name: 'plain', unit: '1' },
  ];
  const run = {
    run: 'r',
    plan: 'p',
    lock_sha256: '',
    ended: false,
    variables,
    metrics: [],
    points: [{ ...point, ...rest }],
  };
  const text = exportCsv(run);
  expect(text).toBe(
    'point,phase,status,material,plain,feasible,failure_class,failure_step\r\n1,p,running,"steel, ""S355""\nrolled",a b,,,\r\n',
  );
  expect(unwrapCsv(text)[1]![3]).toBe(values.material);
});

function unwrapCsv(text: string): string[][] {
  const parsed = parseCsv(new TextEncoder().encode(text));
  return unwrap(parsed.ok ? parsed : { ok: false, error: new Error(parsed.error.message) }).map(({ fields }) => [
    ...fields,
  ]);
}
