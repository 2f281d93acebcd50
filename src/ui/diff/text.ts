import type { LockChange } from '../../plan/diff.ts';
import { safeLines, safeText } from '../safe-text.ts';
import type { Style } from '../style.ts';
import { changeCounts, type DiffNames, effortText, sectionsOf } from './summary.ts';

const SIGNS: Readonly<Record<LockChange['kind'], string>> = { added: '+', removed: '-', changed: '~' };

/** Longer values stand on lines of their own. */
const SHORT = 40;

/** A comparison for a person: sections, one change a line, what the signs mean, and the sum of it. */
export function diffLines(changes: readonly LockChange[], names: DiffNames, style: Style): string[] {
  const heading = [
    `${style.bad('---')} ${safeText(names.before.name)}  sha256 ${names.before.sha256.slice(0, 16)}`,
    `${style.good('+++')} ${safeText(names.after.name)}  sha256 ${names.after.sha256.slice(0, 16)}`,
  ];
  if (changes.length === 0) return [...heading, '', sameText(names)];
  const sections = sectionsOf(changes).flatMap(([section, own]) => [
    '',
    style.strong(section.replaceAll('_', ' ')),
    ...own.flatMap((change) => changeLines(change, style)),
  ]);
  const effort = effortText(changes);
  const legend = style.dim('+ added   - removed   ~ changed (before -> after)');
  return [...heading, ...sections, '', legend, changeCounts(changes), ...(effort === '' ? [] : [`Effort: ${effort}.`])];
}

export function sameText({ before, after }: DiffNames): string {
  return before.sha256 === after.sha256
    ? 'They are the same, byte by byte.'
    : 'They mean the same; only their bytes differ.';
}

/** One change: on one line if its values are short. */
export function changeLines(change: LockChange, style: Style): string[] {
  const { kind, name, before, after, effect } = change;
  const colour = { added: style.good, removed: style.bad, changed: style.warn }[kind];
  const [was, is] = [before === null ? [] : safeLines(before), after === null ? [] : safeLines(after)];
  const title = `  ${colour(SIGNS[kind])} ${safeText(name)}`;
  const direction = effect === null ? '' : `  ${style.accent(`(${effect})`)}`;
  if ([...was, ...is].every((line) => line.length <= SHORT) && was.length < 2 && is.length < 2) {
    const values = kind === 'changed' ? `${was[0]} -> ${is[0]}` : (is[0] ?? was[0]);
    return [`${title}  ${values}${direction}`];
  }
  return [
    `${title}${direction}`,
    ...was.map((line) => `      ${style.bad('-')} ${line}`),
    ...is.map((line) => `      ${style.good('+')} ${line}`),
  ];
}
