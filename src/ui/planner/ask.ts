import type { Answer, Question } from '../../ir/drafting.ts';
import { safeText } from '../safe-text.ts';

/** Where a person is asked. */
export interface Asking {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

/** Choices that are shown at once; longer lists scroll. */
const PAGE = 12;

/** Asks one question at the terminal. Rejects with an ExitPromptError or AbortPromptError when the person gives up. */
export async function askAtTerminal(question: Question, asking: Asking): Promise<Answer> {
  const { input, select, confirm, checkbox } = await import('@inquirer/prompts');
  const message = safeText(question.message);
  const context = { ...asking };
  switch (question.kind) {
    case 'text': {
      const validate = (answer: string) => question.problem(answer.trim()) ?? true;
      const fallback = question.default === undefined ? {} : { default: question.default };
      return (await input({ message, validate, ...fallback }, context)).trim();
    }
    case 'yes':
      return confirm({ message, default: question.default }, context);
    case 'choice': {
      const choices = question.choices.map(({ value, label }) => ({
        value,
        name: safeText(label),
        short: safeText(value),
      }));
      const fallback = question.default === undefined ? {} : { default: question.default };
      return select({ message, choices, pageSize: PAGE, loop: false, ...fallback }, context);
    }
    case 'many': {
      const choices = question.choices.map(({ value, label }) => {
        return { value, name: safeText(label), checked: question.default.includes(value) };
      });
      return checkbox({ message, choices, pageSize: PAGE, loop: false, required: question.at_least > 0 }, context);
    }
  }
}

/** Whether an error is the person's way of leaving: Ctrl-C, or an input that ended. */
export function isLeaving(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError');
}
