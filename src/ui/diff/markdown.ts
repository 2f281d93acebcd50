import type { LockChange } from '../../plan/diff.ts';
import { plural } from '../format.ts';
import { safeText } from '../safe-text.ts';
import { changeCounts, type DiffNames, effortText, sectionsOf } from './summary.ts';
import { sameText } from './text.ts';

/** Comments of code hosts hold 65,536 characters; a longer one is refused whole. */
export const MARKDOWN_BUDGET = 60_000;

/** Of one value; the whole of it is in the text form. */
const LONGEST_VALUE = 400;

/** A comparison for a comment on a change request. What does not fit into the budget is counted, never silently dropped. */
export function diffMarkdown(changes: readonly LockChange[], names: DiffNames, budget = MARKDOWN_BUDGET): string {
  const head = [
    `### expctl diff: ${code(names.before.name)} → ${code(names.after.name)}`,
    '',
    `${code(names.before.sha256.slice(0, 16))} → ${code(names.after.sha256.slice(0, 16))}`,
    '',
  ];
  if (changes.length === 0) return `${[...head, sameText(names)].join('\n')}\n`;
  const effort = effortText(changes);
  head.push(`**${changeCounts(changes)}**${effort === '' ? '' : ` Effort: ${code(effort)}.`}`, '');
  return `${[...head, ...boundedRows(changes, budget - length(head) - NOTE_SPACE)].join('\n')}\n`;
}

/** For the line that says what was left out. */
const NOTE_SPACE = 1000;

function boundedRows(changes: readonly LockChange[], budget: number): string[] {
  const lines: string[] = [];
  const left: string[] = [];
  let used = 0;
  for (const [section, own] of sectionsOf(changes)) {
    const title = [`#### ${code(section)}`, '', '| | what | before | after | effect |', '|-|-|-|-|-|'];
    const rows = own.map(rowOf);
    let kept = 0;
    let size = length(title) + 1;
    while (kept < rows.length && left.length === 0 && used + size + rows[kept]!.length + 1 <= budget) {
      size += rows[kept]!.length + 1;
      kept += 1;
    }
    if (kept > 0) {
      lines.push(...title, ...rows.slice(0, kept), '');
      used += size;
    }
    if (kept < rows.length) left.push(`${rows.length - kept} of ${section}`);
  }
  if (left.length === 0) return lines;
  return [
    ...lines,
    `_Left out for want of space: ${left.join(', ')}. \`expctl diff\` without \`--md\` shows everything._`,
  ];
}

function length(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length + 1, 0);
}

const SIGNS: Readonly<Record<LockChange['kind'], string>> = { added: '+', removed: '−', changed: '~' };

function rowOf({ kind, name, before, after, effect }: LockChange): string {
  return `| ${SIGNS[kind]} | ${code(name)} | ${value(before)} | ${value(after)} | ${effect ?? ''} |`;
}

function value(text: string | null): string {
  if (text === null) return '';
  if (text.length <= LONGEST_VALUE) return code(text);
  return `${code(text.slice(0, LONGEST_VALUE))} … ${plural(text.length - LONGEST_VALUE, 'character')} more`;
}

/**
 * Text of others as a code span, where no Markdown, no mention and no link works. Line ends are written out, for a row is one line;
 * `|` would end the cell even in a code span, unless escaped.
 */
function code(text: string): string {
  const safe = safeText(text).replaceAll('|', '\\|');
  const longest = Math.max(0, ...(safe.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  const padding = safe.startsWith('`') || safe.endsWith('`') || safe.trim() === '' ? ' ' : '';
  return `${fence}${padding}${safe}${padding}${fence}`;
}
