import { describe, expect, test } from 'vitest';
import { LOCAL_ENVIRONMENT } from '../../src/ir/environment.ts';
import { DesignTable } from '../../src/ir/lock.ts';
import { diffLocks, type LockChange } from '../../src/plan/diff.ts';
import type { LockedPlan } from '../../src/plan/lock.ts';
import { assertGolden } from '../golden.ts';
import { beamText, beamTools, changed, lock } from './beam.ts';

const beam = lock(beamText);

function tablesOf({ lock: { tables }, tables: texts }: LockedPlan): Map<string, DesignTable> {
  return new Map(tables.map(({ id, sha256 }) => [id, DesignTable.parse(JSON.parse(texts.get(sha256)!))]));
}

function diff(after: LockedPlan, before: LockedPlan = beam): readonly LockChange[] {
  return diffLocks(before.lock, after.lock, { before: tablesOf(before), after: tablesOf(after) });
}

function lineOf({ kind, section, name, before, after, effect }: LockChange): string {
  return `${kind} ${section} ${name}: ${before ?? '·'} -> ${after ?? '·'}${effect === null ? '' : ` (${effect})`}`;
}

const lines = (after: LockedPlan, before?: LockedPlan): string[] => diff(after, before).map(lineOf);
const edited = (...changes: (readonly [string, string])[]): LockedPlan => lock(changed(beamText, ...changes));

test('nothing differs from itself', () => expect(diff(beam)).toEqual([]));

test('a plan that was changed in everything, whole', () => {
  const tools = structuredClone(beamTools);
  const tool = tools.tools['beam']!;
  tool.program[0]!.sha256 = 'b'.repeat(64);
  tool.server!.version = '1.1.0';
  tool.probe!.answer['solver'] = 'ccx';
  tool.calls['solve.wait']!.description = 'Waits.';
  tool.calls['solve.fetch']!.effect = 'once';
  tool.calls['post.extract']!.contract_sha256 = 'c'.repeat(64);
  const text = changed(
    beamText,
    ['at most 0.2 mm', 'at most 0.3 mm'],
    ['spread over the end face', 'spread over an edge'],
    ['210 GPa and 7850', '205 GPa and 7850'],
    ['E: 210 GPa', 'E: 205 GPa'],
    ['min: 5, max: 20', 'min: 6, max: 25'],
    ['flatness: height / width', 'flatness: (height / width)'],
    ['  - slenderness >= 6', '  - slenderness >= 5'],
    ['size: 5 }', 'size: 4 }'],
    ['every: 1s', 'every: 2s'],
    ['timeout: 10m', 'timeout: 1h'],
    ['attempts: 3, backoff: 10s, on: [transient, node_lost]', 'attempts: 2, backoff: 20s, on: [transient]'],
    ['plausible: [0.01, 5]', 'plausible: [0.001, 4]'],
    ['outcome_constraints: [deflection <= 0.2]', 'outcome_constraints: [deflection <= 0.3]'],
    ['points: 16, seed: 7', 'points: 20, seed: 7'],
    ['role: lead', 'role: pi'],
    ['evidence: [metrics, best(5)]', 'evidence: [metrics]'],
    ['timeout: 3d', 'timeout: 1d'],
    ['at_most: 2', 'at_most: 1'],
    ['pools: { cores: 2 }', 'pools: { cores: 4, licences: 1 }'],
    ['wall_time: 8h', 'wall_time: 10h'],
  );
  const environment = { ...LOCAL_ENVIRONMENT, name: 'cluster', class: 'production' as const, pools: { cores: 3 } };
  assertGolden('diff/beam.txt', `${lines(lock(text, { tools, environment })).join('\n')}\n`);
});

describe('constants are compared as quantities', () => {
  const with_load = (text: string): string => changed(beamText, ['  load: 100 N', `  load: ${text}`]);

  test('another spelling of the same number is no change', () => {
    expect(lines(lock(with_load('1e2 N')))).toEqual([]);
  });

  test('another unit of the same quantity is a change only where a tool gets the bare number', () => {
    // E is passed with `unit: MPa`: the tool gets the same number.
    expect(lines(edited(['E: 210 GPa', 'E: 210000 MPa']))).toEqual([]);
    expect(lines(lock(with_load('0.1 kN')))).toEqual([
      'changed constants load: 100 N -> 0.1 kN (the same quantity, but tools get the number 0.1)',
    ]);
  });

  test('the bare number may reach the tool through a derived value', () => {
    const through: [string, string][] = [
      ['load: =load', 'load: =twice'],
      ['derived:\n', 'derived:\n  twice: 2 * load\n'],
    ];
    const before = edited(...through);
    const after = edited(['  load: 100 N', '  load: 0.1 kN'], ...through);
    expect(lines(after, before)).toEqual([
      'changed constants load: 100 N -> 0.1 kN (the same quantity, but tools get the number 0.1)',
    ]);
  });

  test('another quantity, another dimension, a word', () => {
    expect(lines(lock(with_load('100.5 N')))).toEqual(['changed constants load: 100 N -> 100.5 N']);
    const unused = (value: string): LockedPlan => edited(['constants:\n', `constants:\n  note: ${value}\n`]);
    expect(lines(unused('1 s'), unused('1 kg'))).toEqual(['changed constants note: 1 kg -> 1 s']);
    expect(lines(unused('true'), unused('1 kg'))).toEqual(['changed constants note: 1 kg -> true']);
    expect(lines(unused('1 kg'))).toEqual(['added constants note: · -> 1 kg']);
    expect(lines(beam, unused('1 kg'))).toEqual(['removed constants note: 1 kg -> ·']);
  });
});

describe('bounds say which way they moved', () => {
  const bounds = (min: number, max: number): string[] =>
    lines(edited(['min: 5, max: 20', `min: ${min}, max: ${max}`])).filter((line) => line.includes(' variables '));

  test.each([
    [4, 20, ['changed variables width.min: 5 mm -> 4 mm (widened)']],
    [6, 20, ['changed variables width.min: 5 mm -> 6 mm (narrowed)']],
    [5, 21, ['changed variables width.max: 20 mm -> 21 mm (widened)']],
    [5, 19, ['changed variables width.max: 20 mm -> 19 mm (narrowed)']],
  ])('%d to %d', (min, max, expected) => expect(bounds(min, max)).toEqual(expected));

  test('in another unit the bounds are the same, but the unit of the numbers is told', () => {
    const after = edited(['unit: mm, min: 5, max: 20', 'unit: cm, min: 0.5, max: 2']);
    expect(lines(after).filter((line) => line.includes(' variables '))).toEqual([
      'changed variables width.unit: mm -> cm',
    ]);
  });

  test('values of a choice', () => {
    const of = (values: string): LockedPlan => {
      const choice = `variables:\n  grade: { type: choice, values: ${values} }\n`;
      return edited(['variables:\n', choice]);
    };
    const moved = (from: string, to: string): string[] =>
      lines(of(to), of(from)).filter((line) => line.includes('grade.values'));
    expect(moved('[a, b]', '[a, b, c]')).toEqual(['changed variables grade.values: a, b -> a, b, c (widened)']);
    expect(moved('[a, b, c]', '[a, b]')).toEqual(['changed variables grade.values: a, b, c -> a, b (narrowed)']);
    expect(moved('[a, b]', '[a, c]')).toEqual(['changed variables grade.values: a, b -> a, c']);
  });
});

test('steps, phases and rules are known by name: order in the file means nothing, order of phases does', () => {
  const step = '  post:\n    call: beam/post.extract\n';
  const whole = beamText.slice(beamText.indexOf(step), beamText.indexOf('metrics:\n'));
  const moved = lock(changed(beamText, [whole, ''], ['pipeline:\n', `pipeline:\n${whole}`]));
  expect(lines(moved)).toEqual([]);
  const pilot = beamText.slice(beamText.indexOf('  - phase: pilot'), beamText.indexOf('  - phase: refine'));
  const later = lock(changed(beamText, [pilot, ''], ['  - phase: judge', `${pilot}  - phase: judge`]));
  expect(lines(later)).toEqual(['changed study order: explore, pilot, refine, judge -> explore, refine, pilot, judge']);
});

test('a step more, a step less, and what they need', () => {
  const after = edited(['metrics:\n', '  look:\n    call: beam/version\n    needs: [post]\nmetrics:\n']);
  const added = lines(after).filter((line) => line.includes(' pipeline '));
  expect(added).toEqual(['added pipeline look: · -> beam/version, after post']);
  expect(lines(beam, after).filter((line) => line.includes(' pipeline '))).toEqual([
    'removed pipeline look: beam/version, after post -> ·',
  ]);
});

test('points are compared by value: a Sobol sequence that goes on keeps its points', () => {
  const design = 'latin_hypercube: { points: 16, seed: 7, optimize: maximin }';
  const short = edited([design, 'sobol: { points: 8, seed: 1 }']);
  const long = edited([design, 'sobol: { points: 16, seed: 1 }']);
  expect(lines(long, short).filter((line) => line.includes('explore.values'))).toEqual([
    'changed designs explore.values: 8 different points -> 8 kept, 8 added, 0 removed (more)',
  ]);
  expect(lines(short, long).filter((line) => line.includes('explore.values'))).toEqual([
    'changed designs explore.values: 16 different points -> 8 kept, 0 added, 8 removed (fewer)',
  ]);
});

test('without the tables a changed design is told by its digest', () => {
  const after = edited(['seed: 7', 'seed: 8']);
  const told = diffLocks(beam.lock, after.lock).filter(({ section }) => section === 'designs');
  expect(told.map(({ name }) => name)).toContain('explore.generator.seed');
  expect(told.find(({ name }) => name === 'explore.table')).toMatchObject({ kind: 'changed' });
});

test('every member of a lock is looked at: whatever is altered, something is told', () => {
  const untold: string[] = [];
  for (const path of leafPaths(beam.lock)) {
    const copy = structuredClone(beam.lock);
    alter(copy, path);
    if (diffLocks(beam.lock, copy).length === 0) untold.push(path.join('.'));
  }
  // What follows from the rest: numbering, the digest of pins, and figures about the points.
  const follows = /^(expctl_lock|environment\.sha256|tables\.\d+\.(first_point|quality\..*)|tools\.\d+\.pin)$/;
  expect(untold.filter((path) => !follows.test(path))).toEqual([]);
});

function leafPaths(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, inner]) => leafPaths(inner, [...path, key]));
}

/** Another value of the same type; where there is none, a text. */
function alter(root: object, path: readonly string[]): void {
  const holder = path.slice(0, -1).reduce((at, key) => Reflect.get(at, key) as object, root);
  const key = path.at(-1)!;
  const old: unknown = Reflect.get(holder, key);
  Reflect.set(holder, key, otherThan(old, key));
}

const INSTEAD_OF_NULL: Readonly<Record<string, unknown>> = {
  values: ['x'],
  drafted: { model: 'm' },
  key: { argument: 'k' },
  argv: ['a'],
  output: { stdout: 'json' },
  answer: { type: 'object' },
  call: { call: 'beam/version', with: {}, expect: [] },
  job: { submit: { call: 'beam/version', with: {}, expect: [] } },
  design: { tables: ['t'] },
  gate: { role: 'r', evidence: [], outcomes: [] },
  decide: [{ if: null, action: { do: 'stop' }, at_most: null, because: '' }],
};

function otherThan(old: unknown, key: string): unknown {
  if (typeof old === 'number') return old + 1;
  if (typeof old === 'boolean') return !old;
  return old === null ? (INSTEAD_OF_NULL[key] ?? 'x') : `${String(old)}x`;
}
