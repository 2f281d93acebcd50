import type { Lock, LockedVariable } from '../../../ir/lock.ts';
import { pointerOf } from '../../../ir/span.ts';
import { renderColumns } from '../../columns.ts';
import { safeText } from '../../safe-text.ts';
import type { ReviewLine, ReviewRow, ReviewSection } from '../model.ts';
import { exact, fact, orNone, prose, row, withUnit } from '../rows.ts';
import { writerOf } from '../writers.ts';

export function variableSections(lock: Lock): ReviewSection[] {
  const [heading = '', ...variables] = renderColumns(
    [{ title: 'name' }, { title: 'type' }, { title: 'values' }, { title: 'unit' }, { title: 'scale' }],
    lock.variables.map(cells),
  );
  return [
    {
      pane: 'variables',
      title: 'Variables',
      heading,
      rows: lock.variables.map((variable, at) => row(variables[at]!, description(lock, variable), { open: true })),
    },
    {
      pane: 'variables',
      title: 'Constants',
      heading: null,
      rows: orNone(
        lock.constants.map(({ name, value, unit }) => fact(name, withUnit(value, unit))),
        'none',
      ),
    },
    {
      pane: 'variables',
      title: 'Derived values',
      heading: null,
      rows: orNone(
        lock.derived.map(({ name, value }) => row(`${name} = ${value}`)),
        'none',
      ),
    },
    {
      pane: 'variables',
      title: 'Constraints: a point that breaks one is never drawn',
      heading: null,
      rows: orNone(expressionRows(lock.constraints), 'none'),
    },
  ];
}

export function expressionRows(expressions: readonly string[]): ReviewRow[] {
  return expressions.map((expression) => row(expression));
}

function cells({ name, type, unit, min, max, values, scale }: LockedVariable): string[] {
  const range = values === null ? `${bound(min)} to ${bound(max)}` : values.map(exact).join(', ');
  return [safeText(name), type, range, unit === '1' ? '-' : safeText(unit), scale];
}

function bound(value: number | null): string {
  return value === null ? '?' : exact(value);
}

function description(lock: Lock, { name, description: text }: LockedVariable): ReviewLine[] {
  return described(lock, ['variables', name], text);
}

/** The description of what stands at a path of the plan, with its writer; nothing where there is none. */
export function described(lock: Lock, path: readonly string[], text: string): ReviewLine[] {
  return text === '' ? [] : prose('description', text, writerOf(lock, pointerOf([...path, 'description'])));
}
