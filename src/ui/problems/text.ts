import stringWidth from 'fast-string-width';
import type { Problem } from '../../ir/problem.ts';
import { cut } from '../columns.ts';
import { plural } from '../format.ts';
import { safeText } from '../safe-text.ts';
import { MARKS, type Style } from '../style.ts';

export interface ProblemView {
  readonly style: Style;
  /** Width of the terminal. */
  readonly columns: number;
  /** Texts of the files, for excerpts; a file that is not there gets none. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Problems for a person: where, what, the line itself, and what to do next. */
export function problemLines(problems: readonly Problem[], view: ProblemView): string[] {
  const linesOf = new Map([...view.texts].map(([file, text]) => [file, text.split(/\r\n|\n|\r/)]));
  return problems.flatMap((problem, at) => [
    ...(at === 0 ? [] : ['']),
    heading(problem, view.style),
    `  ${safeText(problem.message)}`,
    ...excerpt(problem, linesOf.get(problem.file)?.[problem.line - 1], view),
    `  ${view.style.accent('Fix:')} ${safeText(problem.fix)}`,
  ]);
}

function heading({ file, line, column, severity, code, pointer }: Problem, style: Style): string {
  const colour = severity === 'error' ? style.bad : style.warn;
  const mark = severity === 'error' ? MARKS.failed : MARKS.note;
  const where = style.strong(`${safeText(file)}:${line}:${column}`);
  return `${colour(`${mark} ${severity}`)} ${where} ${code}${pointer === '' ? '' : ` ${style.dim(safeText(pointer))}`}`;
}

/** How much of a long line is shown before the place. */
const LEAD = 40;

function excerpt({ line, column }: Problem, text: string | undefined, { style, columns }: ProblemView): string[] {
  if (text === undefined || text.trim() === '') return [];
  const gutter = String(line);
  const start = column - 1 > LEAD + 20 ? column - 1 - LEAD : 0;
  const before = shownPart(text.slice(start, column - 1));
  // Longer lines are cut before they are made safe: a line may hold the whole file.
  const rest = shownPart(text.slice(column - 1, column - 1 + columns));
  const lead = start === 0 ? '' : '…';
  const shown = cut(`${lead}${before}${rest}`, Math.max(20, columns - gutter.length - 5));
  const blank = ' '.repeat(gutter.length);
  const caret = ' '.repeat(stringWidth(lead + before));
  return [`  ${style.dim(`${gutter} │`)} ${shown}`, `  ${style.dim(`${blank} │`)} ${caret}${style.warn('^')}`];
}

function shownPart(text: string): string {
  return safeText(text.replaceAll('\t', '  '));
}

/** As compilers write them, for editors: `file:line:column: error: sentence [CODE]`. */
export function gccLines(problems: readonly Problem[]): string[] {
  return problems.map(({ file, line, column, severity, message, fix, code }) =>
    safeText(`${file}:${line}:${column}: ${severity}: ${message} ${fix} [${code}]`),
  );
}

/** `2 errors, 1 warning`; empty where there is none. */
export function countText(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  return [errors > 0 ? plural(errors, 'error') : '', warnings > 0 ? plural(warnings, 'warning') : '']
    .filter((part) => part !== '')
    .join(', ');
}
