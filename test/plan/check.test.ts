import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Problem } from '../../src/ir/problem.ts';
import type { ToolsLock } from '../../src/ir/tools.ts';
import { assertGolden } from '../golden.ts';
import { beamText, beamTools, changed, check, type CheckChanges } from './beam.ts';

/** The beam without what takes time to draw. */
const PLAN = changed(beamText, [', optimize: maximin', '']);

type Edit = readonly [from: string, to: string];

interface Case {
  readonly title: string;
  readonly edits: readonly Edit[];
  readonly more?: CheckChanges;
}

const cases: Case[] = [];

function add(title: string, edits: readonly Edit[], more?: CheckChanges): void {
  cases.push(more === undefined ? { title, edits } : { title, edits, more });
}

function tools(change: (lock: ToolsLock) => void): CheckChanges {
  const copy = structuredClone(beamTools);
  change(copy);
  return { tools: copy };
}

const WIDTH = '  width: { type: real, unit: mm, min: 5, max: 20 }';
const DESIGN = 'latin_hypercube: { points: 16, seed: 7 }';
const RETRY = 'retry: { attempts: 3, backoff: 10s, on: [transient, node_lost] }';
const MASS = '  mass: { value: =post.mass, unit: kg, plausible: [0.01, 5] }';
const JUDGE =
  '      - { if: size(feasible) == 0, then: "extend(explore, 8)", at_most: 2, because: nothing feasible yet }\n';
const variable = (words: string): Edit => ['variables:\n', `variables:\n  extra: { ${words} }\n`];
const phase = (words: string): Edit => ['study:\n', `study:\n  - { ${words} }\n`];
const rule = (words: string): Edit => [JUDGE, `      - { ${words} }\n`];
const GIVEN = phase('phase: given, design: { table: { file: points.csv } }');
const table = (csv: string): [Edit[], CheckChanges] => [[GIVEN], { files: { 'points.csv': csv } }];

// The file as a whole.
add('a later format', [['expctl: 1', 'expctl: 2']]);
add('no format', [['expctl: 1\n', '']]);
add('an unknown key', [['goal:', 'gaol:']]);
add('a name that is none', [['name: beam', 'name: Beam 1']]);
add('a goal that is a list', [['goal: Lightest', 'goal: [Lightest]\n# ']]);
add('an empty goal', [
  ['goal: Lightest steel cantilever that deflects at most 0.2 mm under 100 N at the tip.', 'goal: ""'],
]);
add('a word that is not built yet', [['constants:\n', 'inputs: { part: { file: a.step } }\nconstants:\n']]);
add('an open question', [[', answer: "Structural steel, 210 GPa and 7850 kg/m^3."', '']]);
// Names.
add('a name of the wrong form', [['  E: 210 GPa', '  E-modulus: 210 GPa']]);
add('a name twice', [['  load: 100 N', '  load: 100 N\n  width: 3 mm']]);
add('a name with a meaning of its own', [['  load: 100 N', '  load: 100 N\n  feasible: 3']]);
// Constants and units.
add('a unit that there is not', [['E: 210 GPa', 'E: 210 GPs']]);
add('a number with a comma', [['E: 210 GPa', 'E: "1,5 GPa"']]);
add('a unit of a variable', [['unit: mm, min: 5', 'unit: mn, min: 5']]);
// Variables.
add('no variables', [
  [WIDTH, ''],
  ['  height: { type: real, unit: mm, min: 8, max: 30 }\n', ''],
  ['variables:', 'variables: {}'],
]);
add('bounds the wrong way round', [['min: 5, max: 20', 'min: 20, max: 5']]);
add('no room between bounds', [['min: 5, max: 20', 'min: 5, max: 5']]);
add('a bound missing', [['min: 5, max: 20', 'min: 5']]);
add('a real with values', [['min: 5, max: 20', 'min: 5, max: 20, values: [1]']]);
add('an integer with a fraction', [variable('type: integer, min: 0.5, max: 3')]);
add('a log scale from 0', [variable('type: real, min: 0, max: 3, scale: log')]);
add('a scale of an integer', [variable('type: integer, min: 1, max: 3, scale: log')]);
add('a choice with bounds, a unit and a number', [variable('type: choice, unit: mm, min: 1, values: [a, 2]')]);
add('a choice without values', [variable('type: choice')]);
add('ordered values that do not rise, are words, come twice', [variable('type: ordered, values: [1, 3, 2, a, 3]')]);
add('a type that there is not', [['type: real, unit: mm, min: 5', 'type: reel, unit: mm, min: 5']]);
add('a bound that is a text', [['min: 5, max: 20', 'min: five, max: 20']]);
// Expressions.
add('a name that there is not', [['slenderness: length / height', 'slenderness: lenght / height']]);
add('two dimensions compared', [['slenderness >= 6', 'length >= load']]);
add('a condition that is a number', [['slenderness >= 6', 'slenderness + 6']]);
add('a condition written as a value', [['slenderness >= 6', '=slenderness >= 6']]);
add('a syntax error', [['slenderness >= 6', 'slenderness >= ) 6']]);
add('derived values in a circle', [
  ['slenderness: length / height', 'slenderness: flatness'],
  ['flatness: height / width', 'flatness: slenderness'],
]);
add('a constraint without a value', [['slenderness >= 6', '1 / (width - width) > 0']]);
add('constraints without room', [['slenderness >= 6', 'slenderness >= 1000']]);
// Pipeline.
add('no steps', [[PLAN.slice(PLAN.indexOf('pipeline:'), PLAN.indexOf('metrics:')), 'pipeline: {}\n']]);
add('a step that is nothing', [['metrics:\n', '  more: { description: nothing }\nmetrics:\n']]);
add('a step that is both, and words beside a job', [
  ['    uses: { cores: 1 }', '    call: beam/version\n    uses: { cores: 1 }'],
  [RETRY, `${RETRY}\n    timeout: 3s`],
]);
add('words beside a job', [[RETRY, `${RETRY}\n    timeout: 3s`]]);
add('a step that is needed and is not there', [
  ['    uses: { cores: 1 }', '    needs: [mesch]\n    uses: { cores: 1 }'],
]);
add('a step that needs itself', [['    uses: { cores: 1 }', '    needs: [solve]\n    uses: { cores: 1 }']]);
add('steps in a circle', [['size: 5 }', 'size: =post.mass }']]);
add('a pool that there is not', [['uses: { cores: 1 }', 'uses: { core: 1 }']]);
add('more of a pool than there is', [['uses: { cores: 1 }', 'uses: { cores: 3 }']]);
add('a failure class that there is not', [['on: [transient, node_lost]', 'on: [transcient]']]);
add('a retry that would do the work twice', [['on: [transient, node_lost]', 'on: [timeout]']]);
// Calls and arguments.
add('no tools pinned', [], { tools: null });
add('a tool that there is not', [['call: beam/mesh.generate', 'call: bean/mesh.generate']]);
add('a call that there is not', [['call: beam/mesh.generate', 'call: beam/mesh.generat']]);
add('an argument missing, one misspelt', [['cad_rev_id: =cad.cad_rev_id', 'cad_rev: =cad.cad_rev_id']]);
add('an argument of the wrong type', [['size: 5 }', 'size: five }']]);
add('an expression of the wrong type', [['size: 5 }', 'size: =cad.cad_rev_id }']]);
add('the key given', [['size: 5 }', 'size: 5, idempotency_key: abc }']]);
add('a unit asked for that does not fit', [['unit: MPa', 'unit: mm']]);
add(
  'a call that cannot be recovered',
  [],
  tools((lock) => Object.assign(lock.tools['beam']!.calls['solve.fetch']!, { effect: 'once' })),
);
add(
  'a call that cannot be looked up yet',
  [],
  tools((lock) => Object.assign(lock.tools['beam']!.calls['solve.fetch']!, { effect: 'findable' })),
);
add(
  'a poll that does something',
  [],
  tools((lock) => Object.assign(lock.tools['beam']!.calls['solve.wait']!, { effect: 'once' })),
);
add(
  'a schema that cannot be read',
  [],
  tools((lock) =>
    Object.assign(Object(lock.tools['beam']!.calls['mesh.generate']!.input['properties']), {
      size: { pattern: '(' },
    }),
  ),
);
// Metrics and objectives.
add('no metrics', [[PLAN.slice(PLAN.indexOf('metrics:\n'), PLAN.indexOf('study:\n')), 'metrics: {}\n']]);
add('a metric that believes nothing', [['plausible: [0.01, 5]', 'plausible: [5, 0.01]']]);
add('a metric without =', [['value: =post.mass', 'value: post.mass']]);
add('a metric that is a text', [[MASS, '  mass: { value: =mesh.mesh_id, unit: kg }']]);
add('an objective that is nothing, unknown, there twice', [
  ['objectives: [{ minimize: mass }]', 'objectives: [{}, { minimize: mas }, { minimize: mass }, { maximize: mass }]'],
]);
// Study.
add('no points', [
  [PLAN.slice(PLAN.indexOf('study:\n'), PLAN.indexOf('pools:')), 'study: [{ phase: a, decide: [{ else: stop }] }]\n'],
]);
add('a phase that is nothing, and one that is two things', [
  phase('phase: a'),
  phase('phase: b, design: { sobol: { points: 2 } }, decide: [{ else: next }]'),
]);
add('two phases of one name', [['phase: pilot', 'phase: explore']]);
add('a design that is nothing, and one that is two things', [
  phase('phase: a, design: {}'),
  phase('phase: b, design: { sobol: { points: 2 }, table: { file: a.csv } }'),
]);
add('points beside a generator; an extension without points', [
  phase('phase: a, design: { sobol: { points: 2 }, points: 3 }'),
  ['extend: explore, points: 8', 'extend: explore'],
]);
add('an extension of what is not there, is no design, comes later, is an extension', [
  ['extend: explore, points: 8', 'extend: explor, points: 8'],
  phase('phase: a, design: { extend: pilot, points: 2 }'),
  phase('phase: b, design: { extend: explore, points: 2 }'),
  rule('if: size(feasible) == 0, then: "extend(refine, 8)", at_most: 2'),
]);
add('an extension of a factorial', [[DESIGN, 'full_factorial: { levels: 3 }']]);
add('a design of a later version', [phase('phase: a, design: { halton: { points: 3 } }')]);
add('a gate that waits without end, or does not say what its end means', [
  ['      timeout: 3d\n', ''],
  phase('phase: a, gate: { role: lead, ask: "?", outcomes: [stop, stop], evidence: [all], timeout: 1d }'),
]);
add('a rule that is nothing, one that is no action, one that is never reached', [
  rule('then: stop'),
  ['      - { else: stop,', '      - { if: "true", then: halt }\n      - { else: next }\n      - { else: stop,'],
]);
add('a rule without an end, and jumps to nowhere', [
  rule('if: "true", then: "goto(pilott)", at_most: 1'),
  ['      - { else: stop,', '      - { if: "true", then: "goto(explore)" }\n      - { else: stop,'],
]);
add('a rule whose condition is a number', [rule('if: size(feasible), then: stop')]);
add('too many points', [
  ['points: 16', 'points: 1000000'],
  ['budget: { points: 40, calls: 400,', 'budget: {'],
]);
add('too many tables', [
  rule('if: "true", then: "extend(explore, 1)", at_most: 1000'),
  ['budget: { points: 40, calls: 400,', 'budget: {'],
]);
add('too few points for its budget', [['points: 40, calls: 400', 'points: 30, calls: 100']]);
add('a generator that cannot draw so much', [
  [DESIGN, 'latin_hypercube: { points: 2000, seed: 7, optimize: maximin }'],
  ['budget: { points: 40, calls: 400,', 'budget: {'],
]);
// Tables.
add('a table outside the folder', [phase('phase: given, design: { table: { file: ../points.csv } }')]);
add('a table that is not there', [GIVEN]);
add('a table that is no CSV', ...table('width,height\n"5,9\n'));
add('a table with other columns', ...table('width,hight,width\n5,9,5\n'));
add('a table with values outside', ...table('width,height\n5,9\n4,9\nx,9\n20,31\n'));

function lineOf({ file, line, column, severity, code, pointer, message, fix }: Problem): string {
  return `${file}:${line}:${column} ${severity} ${code} ${pointer || '/'}\n    ${message}\n    -> ${fix}`;
}

test('every problem that a plan can have: where, what, and what to do next', () => {
  const found = cases.map(({ title, edits, more }) => {
    const { problems, checked } = check(changed(PLAN, ...edits), more);
    expect(problems, title).not.toEqual([]);
    const isWrong = problems.some(({ severity }) => severity === 'error');
    expect(checked === null, `${title}: a plan with errors, and only that, is not passed on`).toBe(isWrong);
    return { title, problems };
  });
  const page = found.map(({ title, problems }) => `# ${title}\n${problems.map(lineOf).join('\n')}\n`).join('\n');
  assertGolden('check/problems.txt', page);
  const seen = new Set(found.flatMap(({ problems }) => problems.map(({ code }) => code)));
  expect(
    codesInSource().filter((code) => !seen.has(code)),
    'codes without a case',
  ).toEqual([]);
});

/** Codes as they stand in the calls of the reporter. */
function codesInSource(): string[] {
  const folder = new URL('../../src/plan/check/', import.meta.url);
  const codes = readdirSync(folder).flatMap((name) => {
    const text = readFileSync(new URL(name, folder), 'utf8');
    return [...text.matchAll(/\.(?:error|warning|keyError|errorIn)\(\s*'([A-Z_]+)'/g)].map(([, code]) => code!);
  });
  expect(codes.length).toBeGreaterThan(60);
  return [...new Set(codes)].sort();
}

test('the beam plan has no problem, and says what its reader should know', () => {
  const { problems, notes, checked } = check(PLAN);
  expect({ problems, notes }).toEqual({
    problems: [],
    notes: ['outcome_constraints[1]: `deflection <= 0.2` reads 0.2 as 0.2 mm'],
  });
  // 16 + 8 + 2 × 8 points; cad, mesh and post once, submit and fetch up to three times.
  expect(checked?.forecast).toEqual({
    points: 40,
    calls: 360,
    calls_per_point: 9,
    jobs: 120,
    gates: 1,
    // 3 attempts of 10 min to submit, 10 min to poll, 10 min to fetch, for 40 points.
    pool_hours: { cores: 60 },
  });
});

test('what is left to defaults is noted', () => {
  const text = changed(PLAN, ['        timeout: 10m\n', ''], [', wall_time: 8h', '']);
  expect(check(text).notes).toEqual([
    'outcome_constraints[1]: `deflection <= 0.2` reads 0.2 as 0.2 mm',
    'pipeline.solve.job.poll: the job may take 600 s, since no timeout is stated.',
    'budget: no wall_time is stated, so the run may take any time.',
  ]);
});

test('problems come in the order of the file, all at once', () => {
  const text = changed(
    PLAN,
    ['deflection <= 0.2]', 'deflexion <= 0.2]'],
    ['min: 5, max: 20', 'min: 20, max: 5'],
    ['E: 210 GPa', 'E: 210 GPs'],
  );
  const { problems } = check(text);
  expect(problems.map(({ code }) => code)).toEqual(['UNIT', 'VARIABLE', 'EXPRESSION']);
  expect(problems.map(({ line }) => line)).toEqual(problems.map(({ line }) => line).toSorted((a, b) => a - b));
});

test('the pools of the environment bound those of the plan', () => {
  const environment = { name: 'small', class: 'sandbox' as const, pools: { cores: 1 } };
  const text = changed(PLAN, ['uses: { cores: 1 }', 'uses: { cores: 2 }']);
  expect(check(text).problems).toEqual([]);
  expect(check(text, { environment }).problems.map(({ code }) => code)).toEqual(['POOL']);
});
