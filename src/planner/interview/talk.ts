import { parseExpression } from '../../ir/expression/parse.ts';
import { parseQuantity, parseUnit } from '../../ir/quantity.ts';
import { Duration, Name } from '../../ir/plan.ts';
import type { Answer, Choice, Question } from '../../ir/drafting.ts';
import { RESERVED_NAMES } from '../../plan/check/names.ts';

/** A conversation: questions come out, answers go in, something is known at the end. Pure: the same answers, the same end. */
export type Talk<T> = Generator<Question, T, Answer>;
type Problem = (answer: string) => string | null;

export function* askText(
  id: string,
  message: string,
  options: { default?: string; problem?: Problem } = {},
): Talk<string> {
  const { problem = notEmpty } = options;
  const fallback = options.default === undefined ? {} : { default: options.default };
  return String(yield { kind: 'text', id, message, problem: (answer) => problem(answer.trim()), ...fallback }).trim();
}

export function* askChoice(id: string, message: string, choices: readonly Choice[], fallback?: string): Talk<string> {
  return String(
    yield { kind: 'choice', id, message, choices, ...(fallback === undefined ? {} : { default: fallback }) },
  );
}

export function* askYes(id: string, message: string, fallback: boolean): Talk<boolean> {
  return (yield { kind: 'yes', id, message, default: fallback }) === true;
}

export function* askMany(
  id: string,
  message: string,
  choices: readonly Choice[],
  options: { default: readonly string[]; at_least: number },
): Talk<string[]> {
  const answer = yield { kind: 'many', id, message, choices, ...options };
  return Array.isArray(answer) ? answer.map(String) : [];
}

export function* askNumber(
  id: string,
  message: string,
  options: { default?: string; problem?: Problem } = {},
): Talk<number> {
  const problem: Problem = (answer) => notNumber(answer) ?? options.problem?.(answer) ?? null;
  return Number(yield* askText(id, message, { ...options, problem }));
}

/** Lines until an empty one. */
export function* askLines(id: string, message: string, problem: Problem): Talk<string[]> {
  const lines: string[] = [];
  for (;;) {
    const lineProblem: Problem = (answer) => (answer === '' ? null : problem(answer));
    const line = yield* askText(`${id}.${lines.length + 1}`, message, { default: '', problem: lineProblem });
    if (line === '') return lines;
    lines.push(line);
  }
}

export function same(words: readonly string[]): Choice[] {
  return words.map((word) => ({ value: word, label: word }));
}

export function notEmpty(answer: string): string | null {
  return answer === '' ? 'Write something.' : null;
}

export function notNumber(answer: string): string | null {
  const isNumber = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(answer) && Number.isFinite(Number(answer));
  return isNumber ? null : 'Write a number, such as 2.5.';
}

export function notWhole(answer: string, least: number, most: number): string | null {
  const value = Number(answer);
  return notNumber(answer) === null && Number.isInteger(value) && value >= least && value <= most
    ? null
    : `Write a whole number from ${least} to ${most}.`;
}

export function notExpression(answer: string): string | null {
  if (answer.startsWith('=')) return 'Write it without the `=`.';
  const parsed = parseExpression(answer);
  return parsed.ok ? null : parsed.error.message;
}

export function notUnit(answer: string): string | null {
  const unit = parseUnit(answer);
  return unit.ok ? null : unit.error;
}

export function notDuration(answer: string): string | null {
  return Duration.safeParse(answer).success ? null : 'Write a number with ms, s, m, min, h or d, such as 90s or 2h.';
}

export function notConstant(answer: string): string | null {
  if (!/^[-+]?\.?[0-9]/.test(answer))
    return answer === '' || answer.length > 200 ? 'Write a quantity such as 100 N, or a word.' : null;
  if (notNumber(answer) === null) return null;
  const quantity = parseQuantity(answer);
  return quantity.ok ? null : quantity.error;
}

/** Constants, variables, steps and metrics share one namespace. */
export class Names {
  readonly #taken = new Set<string>(RESERVED_NAMES);

  readonly problem = (name: string): string | null => {
    if (!Name.safeParse(name).success) return 'A name is a letter, then letters, digits and _.';
    if (this.#taken.has(name)) return `\`${name}\` is taken.`;
    const parsed = parseExpression(name);
    return parsed.ok && parsed.value.tree.kind === 'name' ? null : `\`${name}\` is a word of expressions.`;
  };

  take(name: string): string {
    this.#taken.add(name);
    return name;
  }

  /** A free name like this one. */
  like(text: string): string {
    const word =
      text
        .replace(/[^A-Za-z0-9_]+/g, '_')
        .replace(/^[^A-Za-z]+/, '')
        .slice(0, 50) || 'x';
    if (this.problem(word) === null) return word;
    for (let number = 2; ; number++) if (this.problem(`${word}_${number}`) === null) return `${word}_${number}`;
  }
}
