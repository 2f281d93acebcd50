import type { Environment } from '../../ir/environment.ts';
import type { Plan } from '../../ir/plan.ts';
import type { ToolsLock } from '../../ir/tools.ts';
import type { Reporter } from './reporter.ts';

/** What the rules look at and write to. */
export interface CheckContext {
  readonly plan: Plan;
  /** null: no tool is pinned yet, so that calls and arguments cannot be checked. */
  readonly tools: ToolsLock | null;
  readonly environment: Environment;
  readonly report: Reporter;
  /** Names whose declaration was reported and left out: they exist, but nothing is known of them. */
  readonly unknown: ReadonlySet<string>;
  /** What a reader of the lock should know; in the order found. */
  readonly notes: string[];
  /** Bytes of a file, path relative to the plan. */
  readonly file: (path: string) => Uint8Array | undefined;
}

/** The kinds of things that have a name, in one namespace. */
export const SECTIONS = ['constants', 'variables', 'derived', 'pipeline', 'metrics'] as const;
export type Section = (typeof SECTIONS)[number];

export const SECTION_NOUNS: Readonly<Record<Section, string>> = {
  constants: 'a constant',
  variables: 'a variable',
  derived: 'a derived value',
  pipeline: 'a step',
  metrics: 'a metric',
};

/** ", did you mean" for the end of a fix, or what there is. */
export function suggestion(near: string | undefined, kind: string, known: readonly string[]): string {
  if (near !== undefined) return `Did you mean \`${near}\`?`;
  return known.length === 0 ? `There is no ${kind} yet.` : `Known: ${known.slice(0, 20).join(', ')}.`;
}
