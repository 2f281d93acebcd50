import { safeText } from '../safe-text.ts';

/** Markup that was written here, or text that was escaped. Only `html` and `raw` make it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | null | readonly Html[];

/**
 * Markup with values in it: every text is escaped, and what a reader could not see in it (control characters, bidirectional marks)
 * stands as `\u{…}`. Values may stand in content and in attributes within double quotes, nowhere else.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  const parts = values.map((value, index) => `${partText(value)}${strings[index + 1]}`);
  return new Html(`${strings[0]}${parts.join('')}`);
}

/** Markup or style that was written in expctl itself; never anything from a plan, a tool or a person. */
export function raw(text: string): Html {
  return new Html(text);
}

function partText(value: Part): string {
  if (value === null) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'number') return escaped(String(value));
  return typeof value === 'string' ? escaped(value) : value.map(({ text }) => text).join('');
}

const NAMED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return safeText(text).replace(/[&<>"']/g, (character) => NAMED[character]!);
}
