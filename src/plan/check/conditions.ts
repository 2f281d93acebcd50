import type { Scope } from '../../ir/expression/check.ts';
import type { Unit } from '../../ir/quantity.ts';
import { checkArguments, isExpression } from './arguments.ts';
import type { CallSite } from './calls.ts';
import type { CheckContext } from './context.ts';
import { answerScope, type Expressions, namesIn, type Written } from './expressions.ts';
import { sortGraph } from './graph.ts';
import { answerType, type Scopes } from './scopes.ts';
import type { Path } from './reporter.ts';

/** All expressions of the plan but those of derived values: names, types, units. */
export function checkConditions(
  context: CheckContext,
  sites: readonly CallSite[],
  scopes: Scopes,
  units: ReadonlyMap<string, Unit>,
  expressions: Expressions,
): void {
  const { plan } = context;
  checkAll(plan.constraints, ['constraints'], scopes.inputs, expressions);
  checkAll(plan.outcome_constraints, ['outcome_constraints'], scopes.outcome, expressions);
  for (const [name, { when }] of Object.entries(plan.pipeline)) {
    const path = ['pipeline', name, 'when'];
    if (when !== undefined) expressions.requireTruth(expressions.condition(path, when), scopes.pipeline);
  }
  for (const site of sites) checkSite(site, scopes.inJob(site.step, site.part), expressions, context);
  for (const [name, { value }] of Object.entries(plan.metrics)) {
    const written = expressions.value(['metrics', name, 'value'], value);
    expressions.requireNumber(written, scopes.pipeline, units.get(name) ?? null, true);
  }
  for (const [at, phase] of plan.study.entries()) {
    for (const [index, rule] of (phase.decide ?? []).entries()) {
      const path = ['study', at, 'decide', index, 'if'];
      if (rule.if !== undefined) expressions.requireTruth(expressions.condition(path, rule.if), scopes.study);
    }
  }
}

function checkAll(texts: readonly string[] | undefined, path: Path, scope: Scope, expressions: Expressions): void {
  for (const [at, text] of (texts ?? []).entries()) {
    expressions.requireTruth(expressions.condition([...path, at], text), scope);
  }
}

function checkSite(site: CallSite, scope: Scope, expressions: Expressions, context: CheckContext): void {
  checkArguments(site, scope, expressions, context);
  const answer = answerScope(answerType(site), scope);
  checkAll(site.words.expect, [...site.path, 'expect'], answer, expressions);
  const { until } = site.words;
  if (until !== undefined) expressions.requireTruth(expressions.condition([...site.path, 'until'], until), answer);
}

/** The steps that each step needs, by `needs` and by the answers that it uses, in plan order; circles are refused. */
export function stepNeeds(
  context: CheckContext,
  sites: readonly CallSite[],
  expressions: Expressions,
): Map<string, string[]> {
  const { plan, report } = context;
  const positions = new Map(Object.keys(plan.pipeline).map((name, at) => [name, at]));
  const sitesOf = new Map<string, CallSite[]>();
  for (const site of sites) sitesOf.set(site.step, [...(sitesOf.get(site.step) ?? []), site]);
  const graph = new Map(
    [...positions.keys()].map((name) => {
      const needs = new Set(plan.pipeline[name]!.needs ?? []);
      for (const used of namesUsed(name, context, sitesOf.get(name) ?? [], expressions)) needs.add(used);
      const known = [...needs].filter((need) => positions.has(need));
      return [name, new Set(known.sort((a, b) => positions.get(a)! - positions.get(b)!))];
    }),
  );
  for (const cycle of sortGraph(graph).cycles) {
    const isSelf = cycle.length === 1;
    if (isSelf && (plan.pipeline[cycle[0]!]!.needs ?? []).includes(cycle[0]!)) continue;
    const message = isSelf
      ? `The step \`${cycle[0]}\` uses its own answer.`
      : `Steps need each other: ${[...cycle, cycle[0]].join(' needs ')}.`;
    const fix = isSelf ? 'In `expect`, write the field alone, or `answer.field`.' : 'Break the circle.';
    report.error('CYCLE', ['pipeline', cycle[0]!], message, fix);
  }
  return new Map([...graph].map(([name, needs]) => [name, [...needs]]));
}

function namesUsed(
  step: string,
  { plan }: CheckContext,
  sites: readonly CallSite[],
  expressions: Expressions,
): Set<string> {
  const names = new Set<string>();
  const add = (written: Written | null, shadow: ReadonlySet<string> = new Set()): void => {
    if (written === null) return;
    for (const name of namesIn(written)) if (!shadow.has(name)) names.add(name);
  };
  const { when } = plan.pipeline[step]!;
  if (when !== undefined) add(expressions.condition(['pipeline', step, 'when'], when));
  for (const site of sites) {
    const answer = answerType(site);
    const fields = new Set(answer.kind === 'map' ? Object.keys(answer.fields ?? {}) : []);
    for (const [at, text] of (site.words.expect ?? []).entries()) {
      add(expressions.condition([...site.path, 'expect', at], text), fields);
    }
    const { until } = site.words;
    if (until !== undefined) add(expressions.condition([...site.path, 'until'], until), fields);
    for (const [path, text] of expressionsIn(site.words.with, [...site.path, 'with']))
      add(expressions.value(path, text));
  }
  return names;
}

function expressionsIn(value: unknown, path: Path): [Path, string][] {
  if (typeof value === 'string') return isExpression(value) ? [[path, value]] : [];
  if (typeof value !== 'object' || value === null) return [];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, member]) => expressionsIn(member, [...path, key]));
}
