import { isJsonObject, type Json } from '../../base/json.ts';
import { PLAN_FORMAT, Plan } from '../../ir/plan.ts';
import { SECTIONS } from './context.ts';
import type { Path, Reporter } from './reporter.ts';
import { pathOf, reportIssues, valueAt } from './schema-issues.ts';

export interface ParsedPlan {
  readonly plan: Plan;
  /** Names whose declaration was left out, for it had a problem. */
  readonly unknown: ReadonlySet<string>;
}

/**
 * Reads the plan by its schema. Where it has problems, what they are about is left out and the rest is read, so that one
 * misspelt key does not hide everything else.
 *
 * @returns null where so much is left out that no plan is left
 */
export function parsePlan(value: Json, report: Reporter): ParsedPlan | null {
  if (isJsonObject(value) && typeof value['expctl'] === 'number' && value['expctl'] > PLAN_FORMAT) {
    const message = `This plan is of format ${value['expctl']}; this expctl reads format ${PLAN_FORMAT}.`;
    report.error('FORMAT', ['expctl'], message, 'Use a newer expctl.');
    return null;
  }
  const first = Plan.safeParse(value);
  if (first.success) return { plan: first.data, unknown: new Set() };
  reportIssues(Plan, value, first.error.issues, report);
  const rest: unknown = structuredClone(value);
  const unknown = new Set<string>();
  let result: ReturnType<typeof Plan.safeParse> = first;
  // Each round removes at least one level above what the last one removed.
  for (let round = 0; round < 12 && !result.success; round++) {
    for (const issue of result.error.issues) {
      const path = pathOf(issue);
      const gone = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
      for (const each of gone) {
        const removed = remove(rest, each);
        if (removed === null) return null;
        report.mute(removed);
        const [section, name] = removed;
        if (removed.length === 2 && (SECTIONS as readonly unknown[]).includes(section)) unknown.add(String(name));
      }
    }
    result = Plan.safeParse(rest);
  }
  return result.success ? { plan: result.data, unknown } : null;
}

/** Removes the member at a path, or the nearest one above it that can be missing; null if nothing can. */
function remove(root: unknown, path: Path): Path | null {
  for (let length = path.length; length > 0; length--) {
    const parent = valueAt(root, path.slice(0, length - 1));
    const key = path[length - 1]!;
    // An item of a list is not removed, for the others would move; the list is.
    if (typeof parent !== 'object' || parent === null || Array.isArray(parent)) continue;
    if (!Object.hasOwn(parent, key)) continue;
    delete (parent as Record<string | number, unknown>)[key];
    return path.slice(0, length);
  }
  return null;
}
