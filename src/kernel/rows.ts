import { evaluate } from '../ir/expression/evaluate.ts';
import { parseExpression } from '../ir/expression/parse.ts';
import { ImpossibleFact } from './impossible.ts';
import { pointNames } from './names.ts';
import type { Program, ProgramTable } from './program.ts';

/** The assignment of a point by its number, from the tables of the lock. @throws ImpossibleFact if no table has it */
export function valuesOf(program: Program, point: number): Readonly<Record<string, number | string>> {
  for (const table of program.tables.values()) {
    const row = point - table.first_point;
    if (row >= 0 && row < table.rows.length) return rowValues(table, row);
  }
  throw new ImpossibleFact(`no design table has point ${point}`);
}

export function rowValues(table: ProgramTable, row: number): Record<string, number | string> {
  return Object.fromEntries(table.columns.map((column, index) => [column, table.rows[row]![index]!]));
}

/** Whether points like this one were cancelled. What cannot be told of a point is not true of it. */
export function matches(program: Program, where: string, point: number): boolean {
  const expression = parseExpression(where);
  if (!expression.ok) return false;
  const names = pointNames(program, valuesOf(program, point));
  const value = evaluate(expression.value, (name) => (name === 'point' ? point : names(name)));
  return value.ok && value.value === true;
}
