import type { Json, JsonObject } from '../../base/json.ts';
import type { Environment } from '../../ir/environment.ts';
import { Name } from '../../ir/plan.ts';
import { unitIn } from './fields.ts';
import type { KnownAnswer, Notebook } from './notebook.ts';
import {
  askChoice,
  askLines,
  askMany,
  askNumber,
  askText,
  notExpression,
  notNumber,
  notUnit,
  notWhole,
  same,
  type Talk,
} from './talk.ts';

/** Which numbers are kept of a point. */
export function* talkMetrics(notebook: Notebook): Talk<JsonObject> {
  const numbers = notebook.answers.filter(({ field }) => field.kind === 'number' || field.kind === 'integer');
  const last = numbers.filter(({ name }) => name.startsWith(`${Object.keys(notebook.pipeline).at(-1)}.`));
  const chosen =
    numbers.length === 0
      ? []
      : yield* askMany('metrics', 'Which numbers are kept of each point?', same(numbers.map(({ name }) => name)), {
          default: last.map(({ name }) => name),
          at_least: 0,
        });
  const metrics: JsonObject = {};
  for (const name of chosen) yield* talkMetric(metrics, numbers.find((known) => known.name === name)!, notebook);
  const more =
    chosen.length === 0 ? 'Which expression is kept of each point?' : 'Another number, as an expression? (empty: no)';
  const first = chosen.length === 0 ? 1 : 0;
  for (const [at, text] of (yield* askAtLeast('expression', more, first)).entries()) {
    yield* talkUnitOf(metrics, `expression.${at + 1}`, `=${text}`, { name: 'result', unit: '' }, notebook);
  }
  return metrics;
}

function* askAtLeast(id: string, message: string, least: number): Talk<string[]> {
  if (least === 0) return yield* askLines(id, message, notExpression);
  return [yield* askText(`${id}.1`, message, { problem: notExpression })];
}

function* talkMetric(metrics: JsonObject, { name, field }: KnownAnswer, notebook: Notebook): Talk<void> {
  const meant = { name: field.path.at(-1)!, unit: unitIn(field.description) };
  yield* talkUnitOf(metrics, `metric.${name}`, `=${name}`, meant, notebook);
}

function* talkUnitOf(
  metrics: JsonObject,
  id: string,
  value: string,
  meant: { name: string; unit: string },
  { names }: Notebook,
): Talk<void> {
  const naming = { default: names.like(meant.name), problem: names.problem };
  const name = names.take(yield* askText(`${id}.name`, `Name of the metric ${value.slice(1)}?`, naming));
  const unit = yield* askText(`${id}.unit`, `Unit of ${name}? (empty: none)`, {
    default: meant.unit,
    problem: notUnit,
  });
  const plausible = yield* talkPlausible(id, name);
  metrics[name] = { value, ...(unit === '' ? {} : { unit }), ...(plausible === null ? {} : { plausible }) };
}

function* talkPlausible(id: string, name: string): Talk<Json> {
  const optional = (text: string) => (text === '' ? null : notNumber(text));
  const message = `Least believable value of ${name}? (empty: any)`;
  const least = yield* askText(`${id}.least`, message, { default: '', problem: optional });
  if (least === '') return null;
  const problem = (text: string) =>
    notNumber(text) ?? (Number(text) > Number(least) ? null : `It is more than ${least}.`);
  return [Number(least), yield* askNumber(`${id}.greatest`, `Greatest believable value of ${name}?`, { problem })];
}

/** What is sought, and what must hold. */
export function* talkAims(metrics: JsonObject): Talk<JsonObject> {
  const objectives: JsonObject[] = [];
  for (const name of Object.keys(metrics)) {
    const choices = [
      { value: 'neither', label: 'neither: it is only kept' },
      { value: 'minimize', label: 'as small as possible' },
      { value: 'maximize', label: 'as large as possible' },
    ];
    const sense = yield* askChoice(`objective.${name}`, `What should ${name} be?`, choices, 'neither');
    if (sense !== 'neither') objectives.push({ [sense]: name });
  }
  const known = Object.keys(metrics).join(', ');
  const outcome = yield* askLines(
    'outcome_constraint',
    `A condition on ${known} that a good point keeps? (empty: no more)`,
    notExpression,
  );
  return {
    ...(objectives.length === 0 ? {} : { objectives }),
    ...(outcome.length === 0 ? {} : { outcome_constraints: outcome }),
  };
}

/** Which points are evaluated. */
export function* talkStudy(variables: Readonly<Record<string, JsonObject>>): Talk<JsonObject> {
  const names = Object.keys(variables).join(', ');
  const constraints = yield* askLines(
    'constraint',
    `A condition on ${names} that every point keeps? (empty: no more)`,
    notExpression,
  );
  const generators = [
    { value: 'latin_hypercube', label: 'Latin hypercube: spread evenly, few points' },
    { value: 'sobol', label: "Sobol' sequence: spread evenly, can be extended" },
    { value: 'full_factorial', label: 'full factorial: all combinations of levels' },
  ];
  const generator = yield* askChoice('design', 'How are points chosen?', generators, 'latin_hypercube');
  const study = [
    { phase: 'explore', design: { [generator]: yield* talkGenerator(generator, Object.keys(variables).length) } },
  ];
  return { ...(constraints.length === 0 ? {} : { constraints }), study };
}

/** A design of this size takes a moment only. */
const MAXIMIN_UP_TO = 200;

function* talkGenerator(generator: string, variables: number): Talk<JsonObject> {
  if (generator === 'full_factorial') {
    const problem = (text: string) => notWhole(text, 2, 1000);
    return { levels: yield* askNumber('levels', 'How many levels of each number?', { default: '3', problem }) };
  }
  const points = yield* askNumber('points', 'How many points?', {
    default: String(10 * Math.max(1, variables)),
    problem: (text) => notWhole(text, 1, 1_000_000),
  });
  const seed = yield* askNumber('seed', 'Seed of the random choice?', {
    default: '1',
    problem: (text) => notWhole(text, 0, 4_294_967_295),
  });
  const words: JsonObject = { points, seed };
  if (generator === 'latin_hypercube' && points > 1 && points <= MAXIMIN_UP_TO) words['optimize'] = 'maximin';
  return words;
}

/** Which steps hold something that is scarce. */
export function* talkPools({ pipeline, names }: Notebook, environment: Environment): Talk<JsonObject> {
  const steps = Object.keys(pipeline);
  const holders = yield* askMany(
    'resources',
    'Which steps hold something scarce, such as cores or licences?',
    same(steps),
    {
      default: [],
      at_least: 0,
    },
  );
  const pools: JsonObject = {};
  const positive = (text: string) => notNumber(text) ?? (Number(text) > 0 ? null : 'It is more than 0.');
  for (const step of holders) {
    const meant = Object.keys(pools)[0] ?? Object.keys(environment.pools)[0] ?? 'cores';
    const problem = (text: string) => (Object.hasOwn(pools, text) ? null : poolProblem(text, names.problem(text)));
    const pool = yield* askText(`${step}.pool`, `Which pool does ${step} hold tokens of?`, { default: meant, problem });
    const tokens = yield* askNumber(`${step}.tokens`, `How many tokens of ${pool}?`, {
      default: '1',
      problem: positive,
    });
    pipeline[step] = { ...pipeline[step], uses: { [pool]: tokens } };
    if (Object.hasOwn(pools, pool)) continue;
    const capacity = String(Math.max(tokens, environment.pools[pool] ?? 1));
    const enough = (text: string) => positive(text) ?? (Number(text) >= tokens ? null : `${step} needs ${tokens}.`);
    pools[pool] = yield* askNumber(`pool.${pool}`, `How many tokens of ${pool} are there for this plan?`, {
      default: capacity,
      problem: enough,
    });
  }
  return Object.keys(pools).length === 0 ? {} : { pools };
}

/** Pools have a namespace of their own: only the form of the name counts. */
function poolProblem(text: string, problem: string | null): string | null {
  return Name.safeParse(text).success ? null : problem;
}
