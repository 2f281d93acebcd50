import type { DesignVariable, Drawn, Generator } from '../../src/design/draw.ts';

/** Reals x0, x1, ... on [0, 1]: values are places in the unit cube. */
export function unitReals(count: number): DesignVariable[] {
  return Array.from({ length: count }, (_, index) => ({ name: `x${index}`, kind: 'real', min: 0, max: 1 }));
}

export const MIXED: readonly DesignVariable[] = [
  { name: 'width', kind: 'real', min: 5, max: 20 },
  { name: 'stiffness', kind: 'real', min: 1e-3, max: 1e4, scale: 'log' },
  { name: 'ribs', kind: 'integer', min: -2, max: 4 },
  { name: 'gauge', kind: 'ordered', values: [0.5, 0.8, 1.2, 2] },
  { name: 'alloy', kind: 'choice', values: ['6061', '7075', 'steel'] },
];

export function latin(points: number, seed: number, optimize: 'none' | 'maximin' = 'none'): Generator {
  return { kind: 'latin_hypercube', points, seed, optimize };
}

export function column(drawn: Drawn, dimension: number): number[] {
  return drawn.unit.map((row) => row[dimension]!);
}

/** Strata, of n, that the places are in, in ascending order. */
export function strataOf(places: readonly number[], n: number): number[] {
  return places.map((place) => Math.floor(place * n)).sort((a, b) => a - b);
}

/** Whether every value of a point is of its variable's kind and within its bounds. */
export function isWithin(
  variables: readonly DesignVariable[],
  point: Readonly<Record<string, number | string>>,
): boolean {
  return variables.every(({ name, kind, min, max, values }) => {
    const value = point[name]!;
    if (values !== undefined) return values.includes(value);
    return typeof value === 'number' && value >= min! && value <= max! && (kind === 'real' || Number.isInteger(value));
  });
}
