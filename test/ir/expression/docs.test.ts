import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FUNCTIONS, METHODS } from '../../../src/ir/expression/functions.ts';
import { parseUnit } from '../../../src/ir/quantity.ts';
import { findAtom, unitSymbols } from '../../../src/ir/units.ts';

const page = readFileSync(new URL('../../../docs/expressions.md', import.meta.url), 'utf8');
const unitRows = page
  .split('| quantity | units')[1]!
  .split('\n')
  .filter((line) => line.startsWith('| '));

test('the page lists the units that there are, and which take prefixes', () => {
  const listed = unitRows.flatMap((row) => [...row.matchAll(/`([^`]+)`(\+?)/g)]);
  for (const [, symbol, plus] of listed) {
    expect(parseUnit(symbol!).ok, symbol).toBe(true);
    expect(findAtom(`k${symbol}`) !== undefined, symbol).toBe(plus === '+');
  }
  const symbols = new Set(listed.map(([, symbol]) => symbol));
  const isPrefixed = (symbol: string): boolean => /^[kMGmucn]/.test(symbol) && symbols.has(symbol.slice(1));
  expect(unitSymbols().filter((symbol) => !symbols.has(symbol) && !isPrefixed(symbol))).toEqual([]);
});

test('the page lists the functions that there are', () => {
  for (const { usage } of Object.values(FUNCTIONS)) expect(page).toContain(usage.replace('size(list)', 'size(x)'));
  for (const name of Object.keys(METHODS)) expect(page).toContain(`.${name}(`);
});
