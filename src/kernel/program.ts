import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import { QuantityValue, type Value } from '../ir/expression/value.ts';
import { parseExpression } from '../ir/expression/parse.ts';
import type { Expression } from '../ir/expression/tree.ts';
import { referencedPaths } from '../ir/expression/paths.ts';
import type { DesignTable, Lock, LockedAction, LockedCall, LockedPhase, LockedStep } from '../ir/lock.ts';
import { DIMENSIONLESS, parseUnit, type Unit } from '../ir/quantity.ts';

/** A lock made ready to be stepped: parsed expressions, units, tables. Immutable; nothing of it is state. */
export interface Program {
  readonly lock: Lock;
  readonly constants: ReadonlyMap<string, Value>;
  readonly variable_units: ReadonlyMap<string, Unit | null>;
  readonly derived: ReadonlyMap<string, Expression>;
  /** Every step stands behind those that it needs. */
  readonly steps: readonly ProgramStep[];
  readonly metrics: readonly ProgramMetric[];
  readonly outcome_constraints: readonly Expression[];
  readonly phases: readonly ProgramPhase[];
  readonly tables: ReadonlyMap<string, ProgramTable>;
  /** A rule looks into the feasible points, so the study keeps their columns. */
  readonly keeps_feasible: boolean;
}

export interface ProgramStep {
  readonly name: string;
  readonly needs: readonly string[];
  readonly when: Expression | null;
  readonly uses: Readonly<Record<string, number>>;
  readonly retry: LockedStep['retry'];
  readonly parts: readonly ProgramPart[];
}

export interface ProgramPart {
  readonly part: 'call' | 'submit' | 'poll' | 'fetch';
  readonly call: string;
  readonly effect: LockedCall['effect'];
  readonly arguments: Template;
  readonly timeout_s: number;
  readonly expect: readonly Expression[];
  readonly parse_json: boolean;
  readonly every_s: number;
  readonly until: Expression | null;
}

export interface ProgramMetric {
  readonly name: string;
  readonly value: Expression;
  readonly unit: Unit;
  readonly plausible: readonly [number, number] | null;
}

export interface ProgramPhase {
  readonly locked: LockedPhase;
  readonly rules: readonly ProgramRule[];
}

export interface ProgramRule {
  readonly condition: Expression | null;
  readonly action: LockedAction;
  readonly at_most: number | null;
  readonly because: string;
}

export interface ProgramTable {
  readonly id: string;
  readonly first_point: number;
  readonly columns: readonly string[];
  readonly rows: DesignTable['rows'];
}

/** Arguments with their expressions parsed. */
export type Template =
  | { readonly kind: 'literal'; readonly value: Json }
  | { readonly kind: 'expression'; readonly expression: Expression; readonly unit: Unit | null }
  | { readonly kind: 'list'; readonly items: readonly Template[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, Template])[] };

class BadLock extends Error {}

/** Compiles a lock. LOCK_INVALID names the first thing that does not parse; `expctl lock` never writes such a lock. */
export function compileProgram(lock: Lock, tables: ReadonlyMap<string, DesignTable>): Result<Program> {
  try {
    return ok(compile(lock, tables));
  } catch (error) {
    if (!(error instanceof BadLock)) throw error;
    const hint = 'Make the lock again with `expctl lock`, and have it approved.';
    return err(new ExpctlError('LOCK_INVALID', `The lock ${lock.name} does not hold: ${error.message}`, { hint }));
  }
}

function compile(lock: Lock, tables: ReadonlyMap<string, DesignTable>): Program {
  checkBounds(lock);
  const phases = lock.study.map(compilePhase);
  return {
    lock,
    constants: new Map(lock.constants.map((constant) => [constant.name, constantValue(constant)])),
    variable_units: new Map(lock.variables.map((variable) => [variable.name, unitOrNull(variable.unit)])),
    derived: new Map(lock.derived.map((derived) => [derived.name, expressionOf(derived.value)])),
    steps: inOrder(lock.pipeline.map(compileStep)),
    metrics: lock.metrics.map((metric) => ({
      name: metric.name,
      value: expressionOf(metric.value.slice(1)),
      unit: unitOf(metric.unit),
      plausible: metric.plausible,
    })),
    outcome_constraints: lock.outcome_constraints.map(expressionOf),
    phases,
    tables: new Map(lock.tables.map((locked) => [locked.id, compileTable(locked, tables)])),
    keeps_feasible: phases.some((phase) => phase.rules.some(looksIntoFeasible)),
  };
}

function constantValue(constant: Lock['constants'][number]): Value {
  if (typeof constant.value !== 'number') return constant.value;
  const unit = unitOrNull(constant.unit ?? '');
  return unit === null ? constant.value : new QuantityValue(constant.value, unit);
}

function compileStep(step: LockedStep): ProgramStep {
  const parts =
    step.job === null
      ? step.call === null
        ? []
        : [compilePart('call', step.call)]
      : [
          compilePart('submit', step.job.submit),
          {
            ...compilePart('poll', step.job.poll),
            every_s: step.job.poll.every_s,
            until: expressionOf(step.job.poll.until),
          },
          ...(step.job.fetch === null ? [] : [compilePart('fetch', step.job.fetch)]),
        ];
  if (parts.length === 0) throw new BadLock(`step ${step.name} calls nothing`);
  const when = step.when === null ? null : expressionOf(step.when);
  return { name: step.name, needs: step.needs, when, uses: step.uses, retry: step.retry, parts };
}

function compilePart(part: ProgramPart['part'], call: LockedCall): ProgramPart {
  return {
    part,
    call: call.call,
    effect: call.effect,
    arguments: templateOf(call.with as JsonObject),
    timeout_s: call.timeout_s,
    expect: call.expect.map(expressionOf),
    parse_json: call.parse === 'json',
    every_s: 0,
    until: null,
  };
}

/** A string that begins with `=` is an expression, one that begins with `==` is the literal behind the first `=`. */
function templateOf(value: Json): Template {
  if (typeof value === 'string') {
    if (value.startsWith('==')) return { kind: 'literal', value: value.slice(1) };
    return value.startsWith('=')
      ? { kind: 'expression', expression: expressionOf(value.slice(1)), unit: null }
      : { kind: 'literal', value };
  }
  if (Array.isArray(value)) return { kind: 'list', items: value.map(templateOf) };
  if (!isJsonObject(value)) return { kind: 'literal', value };
  const asked = askedUnit(value);
  if (asked !== null) return asked;
  return { kind: 'object', entries: Object.entries(value).map(([key, item]) => [key, templateOf(item)] as const) };
}

/** `{ value: "=width", unit: m }` */
function askedUnit(value: JsonObject): Template | null {
  const { value: inner, unit, ...rest } = value;
  if (typeof inner !== 'string' || typeof unit !== 'string' || Object.keys(rest).length > 0) return null;
  if (!inner.startsWith('=') || inner.startsWith('==')) return null;
  return { kind: 'expression', expression: expressionOf(inner.slice(1)), unit: unitOf(unit) };
}

/** What would let a run go on for ever, or never: a loop without an end, a phase that is not there, tokens that a pool has not. */
function checkBounds(lock: Lock): void {
  for (const { name, uses } of lock.pipeline) {
    for (const [pool, tokens] of Object.entries(uses)) {
      const capacity = Object.hasOwn(lock.pools, pool) ? lock.pools[pool]! : 0;
      if (tokens > capacity) throw new BadLock(`step ${name} uses ${tokens} of pool ${pool}, which has ${capacity}`);
    }
  }
  if (!(lock.in_flight >= 1)) throw new BadLock('no point may be in flight');
  const known = new Set(lock.tables.map((table) => table.id));
  for (const { phase, design, decide } of lock.study) {
    const unknown = design?.tables.find((table) => !known.has(table));
    if (unknown !== undefined) throw new BadLock(`phase ${phase} takes table ${unknown}, which is not there`);
    for (const { action, at_most } of decide ?? []) checkAction(lock, phase, action, at_most, known);
  }
}

function checkAction(lock: Lock, phase: string, action: LockedAction, at_most: number | null, known: Set<string>) {
  if (action.do !== 'goto' && action.do !== 'extend') return;
  if (at_most === null) throw new BadLock(`a rule of ${phase} loops without an at_most`);
  if (action.do === 'goto' && !lock.study.some((other) => other.phase === action.phase)) {
    throw new BadLock(`a rule of ${phase} goes to ${action.phase}, which is no phase`);
  }
  if (action.do === 'extend' && !action.tables.slice(0, at_most).every((table) => known.has(table))) {
    throw new BadLock(`a rule of ${phase} takes a table that is not there`);
  }
  if (action.do === 'extend' && action.tables.length < at_most) {
    throw new BadLock(`a rule of ${phase} may extend ${at_most} times and has ${action.tables.length} tables`);
  }
}

function compilePhase(locked: LockedPhase): ProgramPhase {
  const rules = (locked.decide ?? []).map((rule) => ({
    condition: rule.if === null ? null : expressionOf(rule.if),
    action: rule.action,
    at_most: rule.at_most,
    because: rule.because,
  }));
  return { locked, rules };
}

function compileTable(locked: Lock['tables'][number], tables: ReadonlyMap<string, DesignTable>): ProgramTable {
  const table = tables.get(locked.id);
  if (table === undefined || table.rows.length !== locked.rows)
    throw new BadLock(`design table ${locked.id} is not here`);
  return { id: locked.id, first_point: locked.first_point, columns: table.columns, rows: table.rows };
}

/** `size(feasible)` needs a count only; anything else needs the points. */
function looksIntoFeasible(rule: ProgramRule): boolean {
  if (rule.condition === null) return false;
  const uses = rule.condition.text.match(/\bfeasible\b/g)?.length ?? 0;
  const counts = rule.condition.text.match(/\bsize\(\s*feasible\s*\)/g)?.length ?? 0;
  return uses > counts && referencedPaths(rule.condition).some((path) => path[0] === 'feasible');
}

function inOrder(steps: readonly ProgramStep[]): ProgramStep[] {
  const names = new Set(steps.map((step) => step.name));
  const placed = new Set<string>();
  const order: ProgramStep[] = [];
  while (order.length < steps.length) {
    const next = steps.find((step) => !placed.has(step.name) && step.needs.every((need) => placed.has(need)));
    if (next === undefined || next.needs.some((need) => !names.has(need))) {
      throw new BadLock('its steps need each other in a circle, or need a step that is not there');
    }
    placed.add(next.name);
    order.push(next);
  }
  return order;
}

function expressionOf(text: string): Expression {
  const parsed = parseExpression(text);
  if (!parsed.ok) throw new BadLock(`\`${text}\`: ${parsed.error.message}`);
  return parsed.value;
}

function unitOf(text: string): Unit {
  const unit = parseUnit(text);
  if (!unit.ok) throw new BadLock(unit.error);
  return unit.value;
}

/** null for no dimension at scale 1: such a number is a plain number. */
function unitOrNull(text: string): Unit | null {
  const unit = unitOf(text);
  return unit.text === DIMENSIONLESS.text ? null : unit;
}
