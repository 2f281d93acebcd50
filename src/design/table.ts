import { err, ok, type Result } from '../base/result.ts';
import type { GivenPoints } from './factorial.ts';
import type { Accept, DesignVariable, PointValues } from './types.ts';
import { designError, pointProblem, unitOf } from './variable.ts';

/**
 * Takes points as a table gives them, rows in their order.
 *
 * @returns PLAN_INVALID naming row (from 1) and column, if columns are not the variables, a value is out of bounds or
 * not of its variable's kind, or a row breaks a constraint
 */
export function pointsOfTable(
  rows: readonly PointValues[],
  variables: readonly DesignVariable[],
  accept?: Accept,
): Result<GivenPoints> {
  if (rows.length === 0) return err(designError('The design table has no rows.', 'Give it one row for each point.'));
  const points: PointValues[] = [];
  for (const [index, row] of rows.entries()) {
    const problem = pointProblem(variables, row);
    if (problem !== null) {
      const message = `The design table has a problem in row ${index + 1}, ${problem}.`;
      return err(designError(message, 'Correct the row, or the variable.'));
    }
    const point = Object.fromEntries(variables.map(({ name }) => [name, row[name]!]));
    if (accept !== undefined && !accept(point)) {
      const message = `Row ${index + 1} of the design table breaks a constraint: ${JSON.stringify(point)}.`;
      return err(designError(message, 'Correct or remove the row, or change the constraint.'));
    }
    points.push(point);
  }
  return ok({ points, rows: unitRowsOf(points, variables), rejected: 0 });
}

/** Places of given points in the unit cube. */
export function unitRowsOf(points: readonly PointValues[], variables: readonly DesignVariable[]): number[][] {
  return points.map((point) => variables.map((variable) => unitOf(variable, point[variable.name]!)));
}
