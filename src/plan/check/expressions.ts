import { checkExpression, type Scope } from '../../ir/expression/check.ts';
import { parseExpression } from '../../ir/expression/parse.ts';
import { referencedPaths } from '../../ir/expression/paths.ts';
import type { Expression } from '../../ir/expression/tree.ts';
import { describeType, type Type } from '../../ir/expression/type.ts';
import { sameDimension, type Unit } from '../../ir/quantity.ts';
import { pointerOf } from '../../ir/span.ts';
import { type Path, placeOf, type Reporter } from './reporter.ts';

/** An expression where it was written. `lead` is the length of what precedes it in its string: the `=`, or nothing. */
export interface Written {
  readonly path: Path;
  readonly lead: 0 | 1;
  readonly expression: Expression;
}

/** Reads and checks expressions; each text is parsed, and its problems are reported, once. */
export class Expressions {
  readonly #report: Reporter;
  readonly #notes: string[];
  readonly #read = new Map<string, Written | null>();

  constructor(report: Reporter, notes: string[]) {
    this.#report = report;
    this.#notes = notes;
  }

  /** A constraint, rule or condition: a string that is an expression as a whole. */
  condition(path: Path, text: string): Written | null {
    if (/^\s*=(?!=)/.test(text)) {
      this.#report.error(
        'EXPRESSION',
        path,
        'This string is always an expression.',
        'Write it without the leading `=`.',
      );
      return null;
    }
    return this.#parse(path, text, 0);
  }

  /** An argument or metric: a string that begins with `=`. */
  value(path: Path, text: string): Written | null {
    return this.#parse(path, text.slice(1), 1);
  }

  #parse(path: Path, text: string, lead: 0 | 1): Written | null {
    const pointer = pointerOf(path);
    const known = this.#read.get(pointer);
    if (known !== undefined) return known;
    const parsed = parseExpression(text);
    const written = parsed.ok ? { path, lead, expression: parsed.value } : null;
    if (!parsed.ok) {
      const { message, hint, offset } = parsed.error;
      this.#report.errorIn('EXPRESSION', path, offset + lead, message, hint);
    }
    this.#read.set(pointer, written);
    return written;
  }

  /** The type, or null where there are problems. */
  typeOf({ path, lead, expression }: Written, scope: Scope): Type | null {
    const { type, problems, notes } = checkExpression(expression, scope);
    for (const { message, hint, offset } of problems)
      this.#report.errorIn('EXPRESSION', path, offset + lead, message, hint);
    for (const { message } of notes) {
      const note = `${placeOf(path)}: ${message}`;
      if (!this.#notes.includes(note)) this.#notes.push(note);
    }
    return problems.length === 0 ? type : null;
  }

  requireTruth(written: Written | null, scope: Scope): void {
    const type = written === null ? null : this.typeOf(written, scope);
    if (written === null || type === null || type.kind === 'boolean' || type.kind === 'any') return;
    const message = `\`${written.expression.text}\` is ${describeType(type)}, and a condition is true or false.`;
    this.#report.error('EXPRESSION', written.path, message, 'Compare it with something, as in `x > 0`.');
  }

  /**
   * A number that is stated in a unit: bare, or a quantity of the same dimension.
   *
   * @param unit null where the unit could not be read
   */
  requireNumber(written: Written | null, scope: Scope, unit: Unit | null, allowsBare: boolean): void {
    const type = written === null ? null : this.typeOf(written, scope);
    if (written === null || type === null || type.kind === 'any') return;
    const text = written.expression.text;
    if (type.kind !== 'number') {
      this.#report.error(
        'EXPRESSION',
        written.path,
        `\`${text}\` is ${describeType(type)}, not a number.`,
        'Write a number.',
      );
      return;
    }
    if (type.unit === null || unit === null || sameDimension(type.unit, unit)) return;
    const isBare = type.unit.factors.length === 0;
    if (isBare && allowsBare) return;
    const message = `\`${text}\` is ${describeType(type)}, which is no ${unit.text}.`;
    const fix = isBare
      ? `Give it a unit: \`q(${text}, '${unit.text}')\`.`
      : `Write a unit of the same dimension as ${type.unit.text}.`;
    this.#report.error('UNIT', written.path, message, fix);
  }
}

/** The first names of all that an expression reads. */
export function namesIn({ expression }: Written): Set<string> {
  return new Set(referencedPaths(expression).map(([name]) => name!));
}

/** Scopes are looked up front to back: the first that knows a name gives it its type. */
export function scopeOf(...layers: readonly ReadonlyMap<string, Type>[]): Scope {
  return {
    lookup: (name) => layers.find((layer) => layer.has(name))?.get(name),
    get names() {
      return [...new Set(layers.flatMap((layer) => [...layer.keys()]))];
    },
  };
}

/** The scope of a condition on an answer: its fields come first. Of an answer without a schema any name may be a field. */
export function answerScope(answer: Type, outer: Scope): Scope {
  const fields = answer.kind === 'map' ? answer.fields : null;
  const isOpen = answer.kind === 'any' || (answer.kind === 'map' && fields === null);
  return {
    lookup(name) {
      if (fields !== null && Object.hasOwn(fields, name)) return fields[name];
      if (name === 'answer') return answer;
      return outer.lookup(name) ?? (isOpen ? { kind: 'any' } : undefined);
    },
    names: [...Object.keys(fields ?? {}), 'answer', ...outer.names],
  };
}
