import type { JsonObject } from '../../base/json.ts';
import { isJsonObject } from '../../base/json.ts';
import type { Scope } from '../../ir/expression/check.ts';
import { ANY, BOOLEAN, PLAIN_NUMBER, STRING, type Type, typeOfJsonSchema } from '../../ir/expression/type.ts';
import type { Unit } from '../../ir/quantity.ts';
import type { CallSite } from './calls.ts';
import type { CheckContext } from './context.ts';
import { type Expressions, namesIn, scopeOf, type Written } from './expressions.ts';
import { sortGraph } from './graph.ts';
import type { CheckedConstant } from './values.ts';

type Types = ReadonlyMap<string, Type>;

/** The types of all names, and with them which names are in scope where (docs/plan-format.md has the table). */
export interface Scopes {
  /** Constants, variables, derived values: constraints. */
  readonly inputs: Scope;
  /** These and the answers of steps: arguments, `when`, metrics. */
  readonly pipeline: Scope;
  /** Constants, variables, derived values, metrics: outcome constraints. */
  readonly outcome: Scope;
  /** Constants and what the study knows so far: rules. */
  readonly study: Scope;
  /** The parts of the job that a part of it can name, before the pipeline's. */
  inJob(step: string, part: CallSite['part']): Scope;
}

export function buildScopes(
  context: CheckContext,
  sites: readonly CallSite[],
  constants: ReadonlyMap<string, CheckedConstant>,
  units: ReadonlyMap<string, Unit>,
  expressions: Expressions,
): Scopes {
  const { plan, unknown } = context;
  const unknownTypes: Types = new Map([...unknown].map((name) => [name, ANY]));
  const constantTypes: Types = new Map(
    Object.keys(plan.constants ?? {}).map((name) => [name, constantType(constants.get(name))]),
  );
  const variableTypes: Types = new Map(
    Object.keys(plan.variables).map((name) => [name, variableType(context, name, units)]),
  );
  const metricTypes: Types = new Map(Object.keys(plan.metrics).map((name) => [name, numberType(units.get(name))]));
  const given = [constantTypes, variableTypes, unknownTypes];
  const derivedTypes = typesOfDerived(context, expressions, given);
  const stepTypes: Types = new Map(Object.keys(plan.pipeline).map((name) => [name, stepAnswer(name, sites)]));
  return {
    inputs: scopeOf(derivedTypes, ...given),
    pipeline: scopeOf(derivedTypes, stepTypes, ...given),
    outcome: scopeOf(derivedTypes, metricTypes, ...given),
    study: scopeOf(studyTypes([...variableTypes, ...metricTypes]), constantTypes, unknownTypes),
    inJob: (step, part) => scopeOf(jobTypes(step, part, sites), derivedTypes, stepTypes, ...given),
  };
}

function constantType(constant: CheckedConstant | undefined): Type {
  if (constant === undefined) return ANY;
  if (constant.unit !== null) return { kind: 'number', unit: constant.unit };
  return typeof constant.value === 'boolean' ? BOOLEAN : STRING;
}

function variableType({ plan }: CheckContext, name: string, units: ReadonlyMap<string, Unit>): Type {
  return plan.variables[name]!.type === 'choice' ? STRING : numberType(units.get(name));
}

function numberType(unit: Unit | undefined): Type {
  return { kind: 'number', unit: unit ?? null };
}

/** Points evaluated so far, and of the feasible ones their variables and metrics; `best` is null while there is none. */
function studyTypes(columns: readonly (readonly [string, Type])[]): Types {
  const point: Type = { kind: 'map', fields: { point: PLAIN_NUMBER, ...Object.fromEntries(columns) } };
  return new Map<string, Type>([
    ['points', PLAIN_NUMBER],
    ['succeeded', PLAIN_NUMBER],
    ['failed', PLAIN_NUMBER],
    ['feasible', { kind: 'list', item: point }],
    ['best', point],
  ]);
}

/** The answer of a step: of its call; of a job that of `fetch`, else of `poll`. */
function stepAnswer(step: string, sites: readonly CallSite[]): Type {
  const own = sites.filter((site) => site.step === step);
  const telling =
    own.find(({ part }) => part === 'call' || part === 'fetch') ?? own.find(({ part }) => part === 'poll');
  return answerType(telling);
}

export function answerType(site: CallSite | undefined): Type {
  const schema = site?.pinned?.answer;
  if (schema === undefined || schema === null || site?.words.parse !== undefined) return ANY;
  return isJsonObject(schema) ? typeOfJsonSchema(schema as JsonObject) : ANY;
}

/** Inside a job, `submit` and `poll` name the parts that came before. */
function jobTypes(step: string, part: CallSite['part'], sites: readonly CallSite[]): Types {
  const earlier = part === 'fetch' ? ['submit', 'poll'] : part === 'poll' ? ['submit'] : [];
  return new Map(
    earlier.map((name) => [name, answerType(sites.find((site) => site.step === step && site.part === name))]),
  );
}

/** Derived values in the order in which they need each other; one that is on a cycle is of unknown type. */
function typesOfDerived(context: CheckContext, expressions: Expressions, given: readonly Types[]): Types {
  const { plan, report } = context;
  const names = Object.keys(plan.derived ?? {});
  const written = new Map<string, Written | null>(
    names.map((name) => [name, expressions.condition(['derived', name], plan.derived![name]!)]),
  );
  const graph = new Map(
    names.map((name) => {
      const own = written.get(name);
      const used = own === null || own === undefined ? [] : [...namesIn(own)];
      return [name, new Set(used.filter((other) => written.has(other)))];
    }),
  );
  const { order, cycles } = sortGraph(graph);
  for (const cycle of cycles) {
    const message = `Derived values need each other: ${[...cycle, cycle[0]].join(' needs ')}.`;
    report.error('CYCLE', ['derived', cycle[0]!], message, 'Break the circle.');
  }
  const types = new Map<string, Type>(names.map((name) => [name, ANY]));
  const scope = scopeOf(types, ...given);
  for (const name of new Set([...order, ...names])) {
    const own = written.get(name);
    const type = own === null || own === undefined ? null : expressions.typeOf(own, scope);
    if (type === null) continue;
    types.set(name, type);
    if (!['number', 'boolean', 'string', 'any'].includes(type.kind)) {
      report.error(
        'EXPRESSION',
        ['derived', name],
        'A derived value is a number, text, or true or false.',
        'Derive one of these.',
      );
    }
  }
  return types;
}
