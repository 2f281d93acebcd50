import { ExpctlError } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import { sha256Hex, utf8 } from '../base/sha256.ts';
import { canonicalJson } from '../ir/canonical.ts';
import { SEMANTICS } from '../ir/events.ts';
import { LOCK_FORMAT } from '../ir/lock-format.ts';
import { Lock, type LockedAction, type LockedPhase, type LockedTool } from '../ir/lock.ts';
import { durationSeconds } from '../ir/duration.ts';
import type { PlanPhase } from '../ir/plan.ts';
import type { PinnedTool, ToolsLock } from '../ir/tools.ts';
import type { CheckedPlan } from './check.ts';
import type { CallSite } from './check/calls.ts';
import { poolCapacities } from './check/pipeline.ts';
import { actionOf } from './check/study.ts';
import { inFlight } from './forecast.ts';
import { lockedStep } from './locked-step.ts';

export interface LockedPlan {
  readonly lock: Lock;
  /** Canonical JSON, no newline: what is hashed, shown, signed and executed. */
  readonly bytes: string;
  /** Texts of the design tables by their SHA-256. */
  readonly tables: ReadonlyMap<string, string>;
}

/**
 * Writes out everything that will run: nothing is left to defaults, and the same plan, tools and environment give the same
 * bytes.
 *
 * @returns TOOLS_INVALID where no tool is pinned
 */
export function lockPlan(checked: CheckedPlan): Result<LockedPlan> {
  const { tools } = checked;
  if (tools === null) {
    const hint = 'Run `expctl tools pin`, and lock again.';
    return err(new ExpctlError('TOOLS_INVALID', 'No tool is pinned, so that nothing can be locked.', { hint }));
  }
  const lock = lockOf(checked, tools);
  const bytes = canonicalJson(lock);
  const read = Lock.parse(JSON.parse(bytes));
  if (canonicalJson(read) !== bytes) throw new Error('the lock does not survive being written and read');
  const tables = new Map(checked.drawn.tables.map(({ sha256, text }) => [sha256, text]));
  return ok({ lock: read, bytes, tables });
}

function lockOf(checked: CheckedPlan, tools: ToolsLock): Lock {
  const { plan, environment, forecast, constants, units, notes } = checked;
  const { budget } = plan;
  const used = usedTools(checked, tools);
  return {
    expctl_lock: LOCK_FORMAT,
    semantics: SEMANTICS,
    name: plan.name,
    goal: plan.goal,
    assumptions: (plan.assumptions ?? []).map(({ text, by = '' }) => ({ text, by })),
    questions: (plan.questions ?? []).map(({ text, answer = '', by = '' }) => ({ text, answer, by })),
    drafted: draftedOf(plan.drafted),
    environment: { ...environment, sha256: digest(environment) },
    constants: [...constants].map(([name, { value, unit }]) => ({ name, value, unit: unit?.text ?? null })),
    variables: Object.entries(plan.variables).map(([name, variable]) => ({
      name,
      type: variable.type,
      unit: units.get(name)!.text,
      min: variable.min ?? null,
      max: variable.max ?? null,
      values: variable.values ?? null,
      scale: variable.scale ?? 'linear',
      description: variable.description ?? '',
    })),
    derived: Object.entries(plan.derived ?? {}).map(([name, value]) => ({ name, value })),
    constraints: plan.constraints ?? [],
    pipeline: Object.entries(plan.pipeline).map(([name, step]) => lockedStep(name, step, checked)),
    metrics: Object.entries(plan.metrics).map(([name, { value, plausible, description }]) => ({
      name,
      value,
      unit: units.get(name)!.text,
      plausible: plausible ?? null,
      description: description ?? '',
    })),
    objectives: (plan.objectives ?? []).map(({ minimize, maximize }) =>
      minimize === undefined ? { metric: maximize!, sense: 'maximize' } : { metric: minimize, sense: 'minimize' },
    ),
    outcome_constraints: plan.outcome_constraints ?? [],
    study: plan.study.map((phase, at) => lockedPhase(phase, at, checked)),
    tables: lockedTables(checked),
    pools: Object.fromEntries(poolCapacities(plan, environment)),
    in_flight: inFlight(plan, environment),
    budget: {
      points: budget?.points ?? forecast.points,
      calls: budget?.calls ?? forecast.calls,
      wall_time_s: budget?.wall_time === undefined ? null : durationSeconds(budget.wall_time),
      failed_points: budget?.failed_points ?? null,
    },
    tools: used,
    notes: [...notes],
    forecast,
  };
}

function draftedOf(drafted: CheckedPlan['plan']['drafted']): Lock['drafted'] {
  if (drafted === undefined) return null;
  const { model, prompt_sha256, fields = {} } = drafted;
  return { model, prompt_sha256, fields };
}

function digest(value: unknown): string {
  return sha256Hex(utf8(canonicalJson(value)));
}

function lockedTables({ drawn }: CheckedPlan): Lock['tables'] {
  let first_point = 1;
  return drawn.tables.map(({ id, sha256, rows, generator, quality }) => {
    const table = { id, sha256, rows, first_point, generator, quality };
    first_point += rows;
    return table;
  });
}

function lockedPhase({ phase, design, gate, decide }: PlanPhase, at: number, { drawn }: CheckedPlan): LockedPhase {
  return {
    phase,
    design: design === undefined ? null : { tables: [...drawn.ofPhase.get(at)!] },
    gate:
      gate === undefined
        ? null
        : {
            role: gate.role,
            ask: gate.ask,
            evidence: gate.evidence ?? ['metrics'],
            outcomes: gate.outcomes,
            timeout_s: gate.timeout === undefined ? null : durationSeconds(gate.timeout),
          },
    decide:
      decide?.map((rule, index) => ({
        if: rule.if ?? null,
        action: lockedAction(rule, drawn.ofRule.get(`${phase}.${index + 1}`)),
        at_most: rule.at_most ?? null,
        because: rule.because ?? '',
      })) ?? null,
  };
}

function lockedAction(
  rule: NonNullable<PlanPhase['decide']>[number],
  tables: readonly string[] | undefined,
): LockedAction {
  const action = actionOf(rule)!;
  return action.do === 'extend' ? { ...action, tables: [...tables!] } : { ...action };
}

/** The tools that the plan calls, in the order of their first call; each with these calls and its version probe alone. */
function usedTools({ sites }: CheckedPlan, tools: ToolsLock): LockedTool[] {
  const calls = new Map<string, Set<string>>();
  for (const { call } of sites) {
    const [tool, name] = splitCall(call);
    calls.set(tool, (calls.get(tool) ?? new Set()).add(name));
  }
  return [...calls].map(([name, used]) => {
    const tool = tools.tools[name]!;
    if (tool.probe !== null) used.add(tool.probe.call);
    const kept = Object.entries(tool.calls).filter(([call]) => used.has(call));
    const pinned: PinnedTool = { ...tool, calls: Object.fromEntries(kept) };
    return { name, pin: digest(pinned), pinned };
  });
}

function splitCall(call: CallSite['call']): [tool: string, call: string] {
  const slash = call.indexOf('/');
  return [call.slice(0, slash), call.slice(slash + 1)];
}
