import type { DesignVariable } from '../design/draw.ts';
import type { Environment } from '../ir/environment.ts';
import type { Forecast } from '../ir/lock.ts';
import type { Plan } from '../ir/plan.ts';
import type { Problem } from '../ir/problem.ts';
import type { Unit } from '../ir/quantity.ts';
import type { ToolsLock } from '../ir/tools.ts';
import { acceptance } from './check/accept.ts';
import { checkBudget, defaultNotes } from './check/budget.ts';
import { type CallSite, checkEffects, resolveCalls } from './check/calls.ts';
import { checkConditions, stepNeeds } from './check/conditions.ts';
import type { CheckContext } from './check/context.ts';
import { checkDrawable, type DrawnStudy, drawStudy } from './check/designs.ts';
import { Expressions } from './check/expressions.ts';
import { checkNames } from './check/names.ts';
import { checkNotYet } from './check/not-yet.ts';
import { parsePlan } from './check/parse.ts';
import { checkPipeline } from './check/pipeline.ts';
import { Reporter } from './check/reporter.ts';
import { buildScopes } from './check/scopes.ts';
import { checkStudy } from './check/study.ts';
import {
  type CheckedConstant,
  checkConstants,
  checkMetrics,
  checkQuestions,
  checkUnits,
  checkVariables,
} from './check/values.ts';
import { forecastOf } from './forecast.ts';
import type { Source } from './source.ts';

export interface CheckInput {
  readonly plan: Source;
  /** null: nothing is pinned yet; calls and arguments are not checked, and nothing can be locked. */
  readonly tools: ToolsLock | null;
  readonly environment: Environment;
  /** Bytes of a file that the plan names, its path relative to the plan; undefined if there is none. */
  readonly file: (relativePath: string) => Uint8Array | undefined;
}

/** A plan without errors, and everything that was found out on the way. */
export interface CheckedPlan {
  readonly plan: Plan;
  readonly tools: ToolsLock | null;
  readonly environment: Environment;
  readonly constants: ReadonlyMap<string, CheckedConstant>;
  /** Of variables and metrics. */
  readonly units: ReadonlyMap<string, Unit>;
  readonly sites: readonly CallSite[];
  /** Steps that each step needs, in plan order. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  readonly drawn: DrawnStudy;
  readonly forecast: Forecast;
  readonly notes: readonly string[];
}

export interface CheckOutput {
  /** In the order of the file. */
  readonly problems: readonly Problem[];
  /** What a reader should know and the plan does not say. */
  readonly notes: readonly string[];
  /** null if a problem is an error. */
  readonly checked: CheckedPlan | null;
}

/** Finds everything that is wrong with a plan, in one go; designs are drawn once nothing else is wrong. */
export function checkPlan(input: CheckInput): CheckOutput {
  const report = new Reporter(input.plan);
  checkNotYet(input.plan.value, report);
  const parsed = parsePlan(input.plan.value, report);
  if (parsed === null) return { problems: report.problems(), notes: [], checked: null };
  const notes: string[] = [];
  const context: CheckContext = { ...input, ...parsed, report, notes };
  const checked = checkParsed(context);
  return { problems: report.problems(), notes, checked };
}

function checkParsed(context: CheckContext): CheckedPlan | null {
  const { plan, tools, environment, report, notes } = context;
  checkNames(context);
  checkQuestions(context);
  checkVariables(context);
  const constants = checkConstants(context);
  const units = checkUnits(context);
  checkMetrics(context);
  const sites = resolveCalls(context);
  checkEffects(sites, context);
  checkPipeline(sites, context);
  checkStudy(context);
  const expressions = new Expressions(report, notes);
  const scopes = buildScopes(context, sites, constants, units, expressions);
  checkConditions(context, sites, scopes, units, expressions);
  const needs = stepNeeds(context, sites, expressions);
  checkDrawable(context);
  if (report.hasErrors) return null;
  const drawn = drawStudy(context, designVariables(plan), acceptance(context, constants, units, expressions));
  const forecast = forecastOf(
    plan,
    drawn.tables.reduce((sum, table) => sum + table.rows, 0),
  );
  checkBudget(forecast, context);
  notes.push(...defaultNotes(plan));
  return report.hasErrors ? null : { plan, tools, environment, constants, units, sites, needs, drawn, forecast, notes };
}

function designVariables(plan: Plan): DesignVariable[] {
  return Object.entries(plan.variables).map(([name, { type, min, max, values, scale }]) => ({
    name,
    kind: type,
    ...(min === undefined ? {} : { min: min + 0 }),
    ...(max === undefined ? {} : { max: max + 0 }),
    ...(values === undefined ? {} : { values }),
    ...(scale === undefined ? {} : { scale }),
  }));
}
