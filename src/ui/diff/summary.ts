import type { LockChange } from '../../plan/diff.ts';
import { safeText } from '../safe-text.ts';

/** What is compared. */
export interface DiffNames {
  readonly before: { readonly name: string; readonly sha256: string };
  readonly after: { readonly name: string; readonly sha256: string };
}

/** Changes by section, in the order in which the sections first appear. */
export function sectionsOf(changes: readonly LockChange[]): [section: string, changes: LockChange[]][] {
  const sections = new Map<string, LockChange[]>();
  for (const change of changes) sections.set(change.section, [...(sections.get(change.section) ?? []), change]);
  return [...sections];
}

/** `2 added, 1 removed, 3 changed.` */
export function changeCounts(changes: readonly LockChange[]): string {
  const counted = (['added', 'removed', 'changed'] as const).map((wanted) => {
    return `${changes.filter(({ kind }) => kind === wanted).length} ${wanted}`;
  });
  return `${counted.join(', ')}.`;
}

/** What it means for the effort: `points 16 -> 24 (more), calls 96 -> 144 (more)`; empty where nothing does. */
export function effortText(changes: readonly LockChange[]): string {
  return changes
    .filter(({ section, name }) => section === 'forecast' && name !== 'calls_per_point')
    .map(({ name, before, after, effect }) => {
      const direction = effect === null ? '' : ` (${effect})`;
      return safeText(`${name.replace(/^pool_hours\./, '')} ${before ?? 'none'} -> ${after ?? 'none'}${direction}`);
    })
    .join(', ');
}
