import { readFileSync } from 'node:fs';
import { type Environment, LOCAL_ENVIRONMENT } from '../../src/ir/environment.ts';
import type { ToolsLock } from '../../src/ir/tools.ts';
import { unwrap } from '../../src/base/result.ts';
import { type CheckOutput, checkPlan } from '../../src/plan/check.ts';
import { type LockedPlan, lockPlan } from '../../src/plan/lock.ts';
import { readSource } from '../../src/plan/source.ts';
import { parseToolsLock } from '../../src/plan/tools-files.ts';

/** The beam plan of the repository with the pins of a fixture, changed as a test needs. */

export const beamText = readFileSync(new URL('../../plans/beam.plan.yaml', import.meta.url), 'utf8');
export const beamToolsBytes = readFileSync(new URL('./fixtures/beam.tools.lock.json', import.meta.url));
export const beamTools: ToolsLock = unwrap(parseToolsLock(beamToolsBytes));

export interface CheckChanges {
  readonly tools?: ToolsLock | null;
  readonly environment?: Environment;
  readonly files?: Readonly<Record<string, string>>;
}

/** Every `[from, to]` must be in the text, else the test would check nothing. */
export function changed(text: string, ...changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((before, [from, to]) => {
    if (!before.includes(from)) throw new Error(`not in the plan: ${from}`);
    return before.replace(from, () => to);
  }, text);
}

export function check(text: string, { tools = beamTools, environment, files = {} }: CheckChanges = {}): CheckOutput {
  const source = readSource('beam.plan.yaml', new TextEncoder().encode(text));
  if (!source.ok) return { problems: source.error, notes: [], checked: null };
  const file = (name: string): Uint8Array | undefined =>
    files[name] === undefined ? undefined : new TextEncoder().encode(files[name]);
  return checkPlan({ plan: source.value, tools, environment: environment ?? LOCAL_ENVIRONMENT, file });
}

export function lock(text: string, changes: CheckChanges = {}): LockedPlan {
  const { problems, checked } = check(text, changes);
  if (checked === null) throw new Error(problems.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  return unwrap(lockPlan(checked));
}
