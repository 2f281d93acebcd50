import type { Result } from '../base/result.ts';
import { err, ok } from '../base/result.ts';
import { closest } from './expression/suggest.ts';
import type { Dimension, ExactScale } from './units.ts';
import {
  applyExact,
  EXACT_ONE,
  findAtom,
  meantUnit,
  multiplyExact,
  powerExact,
  refusedUnit,
  unitSymbols,
  unitWords,
} from './units.ts';

/** A symbol of a unit and its power: a multiple of 1/2, never 0. */
interface UnitFactor {
  readonly symbol: string;
  readonly power: number;
}

/** A unit of measurement: value * scale is the value in the SI base units that `dimension` names. Plain data. */
export interface Unit {
  /** Such as `N*m` or `W/(m*K)`; `1` for no unit. What parseUnit reads. */
  readonly text: string;
  readonly scale: number;
  /** Powers of m, kg, s, A, K, mol, cd. */
  readonly dimension: Dimension;
  readonly factors: readonly UnitFactor[];
  /** The scale without rounding, or null if its digits pass 2^53. */
  readonly exact: ExactScale | null;
}

export interface Quantity {
  readonly value: number;
  readonly unit: Unit;
}

export const DIMENSIONLESS: Unit = {
  text: '1',
  scale: 1,
  dimension: [0, 0, 0, 0, 0, 0, 0],
  factors: [],
  exact: EXACT_ONE,
};

const LONGEST_TEXT = 200;
const DEEPEST_NESTING = 16;
/** Past this power of one symbol there is no physics, only overflow. */
const HIGHEST_POWER = 24;

/**
 * Reads a unit: symbols with `*`, `/`, `^` and parentheses, such as `kg/m^3`, `W/(m*K)`, `1/s`. An empty text is `1`.
 * The error is a sentence, with a suggestion where there is one.
 */
export function parseUnit(text: string): Result<Unit, string> {
  if (text.length > LONGEST_TEXT) return err(`A unit has at most ${LONGEST_TEXT} characters.`);
  const plain = text
    .replaceAll(/[\u00b5\u03bc]/g, 'u')
    .replaceAll(/[\u03a9\u2126]/g, 'ohm')
    .replaceAll('\u00b7', '*')
    .replaceAll('\u00b2', '^2')
    .replaceAll('\u00b3', '^3')
    .trim();
  if (plain === '' || plain === '1') return ok(DIMENSIONLESS);
  if (plain === '\u00b0') return parseUnit('deg');
  const reader = new UnitReader(plain);
  const factors = reader.read();
  if (factors === undefined) return err(reader.problem);
  const unit = unitOf(factors);
  return unit === undefined ? err(`The powers in the unit \`${plain}\` are out of range.`) : ok(unit);
}

const NUMBER_AND_REST = /^([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*)$/;

/** Reads a number and a unit, such as `100 N`, `7850 kg/m^3`, `2` or `1e-3 mm`. The error is a sentence. */
export function parseQuantity(text: string): Result<Quantity, string> {
  if (text.length > LONGEST_TEXT) return err(`A quantity has at most ${LONGEST_TEXT} characters.`);
  const match = NUMBER_AND_REST.exec(text.trim());
  if (match === null) return err(`\`${shown(text)}\` is not a number with a unit; write it as in \`100 N\`.`);
  const [, digits, rest] = match;
  if (/^[,_][0-9]/.test(rest!)) {
    return err(`\`${shown(text)}\` is not a number with a unit; write the decimal point as \`.\`, and no separators.`);
  }
  const value = Number(digits);
  if (!Number.isFinite(value)) return err(`\`${digits}\` is too large; a number is at most about 1.8e308.`);
  const unit = parseUnit(rest!);
  return unit.ok ? ok({ value: value + 0, unit: unit.value }) : unit;
}

export function sameDimension(a: Unit, b: Unit): boolean {
  return a === b || a.dimension.every((power, i) => power === b.dimension[i]);
}

/** Whether the unit only counts: `1`, but also `%`, `deg`, `mm/m`. */
export function isDimensionless(unit: Unit): boolean {
  return sameDimension(unit, DIMENSIONLESS);
}

/** Whether there is no unit at all, not even `%` or `deg`. */
export function isPlainNumber(unit: Unit): boolean {
  return unit.factors.length === 0;
}

interface Conversion {
  readonly exact: ExactScale | null;
  readonly factor: number;
}

const conversions = new WeakMap<Unit, WeakMap<Unit, Conversion>>();

/**
 * The value in another unit of the same dimension. Exact where prefixes only move the decimal point, else rounded once per
 * operation.
 *
 * @throws RangeError if the dimensions differ: a bug in the caller
 */
export function convert(value: number, from: Unit, to: Unit): number {
  if (from === to || from.text === to.text) return value;
  const { exact, factor } = remembered(conversions, from, to, () => {
    if (!sameDimension(from, to)) throw new RangeError(`${from.text} is not a ${to.text}`);
    return { exact: multiplyExact(from.exact, powerExact(to.exact, -1)), factor: from.scale / to.scale };
  });
  return exact === null ? value * factor : applyExact(value, exact);
}

const products = new WeakMap<Unit, WeakMap<Unit, Unit | null>>();
const quotients = new WeakMap<Unit, WeakMap<Unit, Unit | null>>();

/** The unit of a product, or null if its powers are out of range. Equal symbols are merged: N/m * m is N. */
export function multiplyUnits(a: Unit, b: Unit): Unit | null {
  return remembered(products, a, b, () => unitOf([...a.factors, ...b.factors]) ?? null);
}

/** The unit of a quotient, or null if its powers are out of range. */
export function divideUnits(a: Unit, b: Unit): Unit | null {
  return remembered(quotients, a, b, () => unitOf([...a.factors, ...raised(b.factors, -1)]) ?? null);
}

const unitPowers = new WeakMap<Unit, Map<number, Unit | null>>();

/** The unit of a power, or null if the new powers are not multiples of 1/2 or out of range. */
export function powerUnit(unit: Unit, power: number): Unit | null {
  let row = unitPowers.get(unit);
  if (row === undefined) {
    row = new Map();
    unitPowers.set(unit, row);
  }
  let raisedUnit = row.get(power);
  if (raisedUnit === undefined) {
    raisedUnit = unitOf(raised(unit.factors, power)) ?? null;
    row.set(power, raisedUnit);
  }
  return raisedUnit;
}

function raised(factors: readonly UnitFactor[], power: number): UnitFactor[] {
  return factors.map((factor) => ({ symbol: factor.symbol, power: factor.power * power }));
}

function remembered<T>(memory: WeakMap<Unit, WeakMap<Unit, T>>, a: Unit, b: Unit, make: () => T): T {
  let row = memory.get(a);
  if (row === undefined) {
    row = new WeakMap();
    memory.set(a, row);
  }
  let entry = row.get(b);
  if (entry === undefined) {
    entry = make();
    row.set(b, entry);
  }
  return entry;
}

function unitOf(parts: readonly UnitFactor[]): Unit | undefined {
  const powers = new Map<string, number>();
  for (const { symbol, power } of parts) powers.set(symbol, (powers.get(symbol) ?? 0) + power);
  const factors = [...powers].filter(([, power]) => power !== 0).map(([symbol, power]) => ({ symbol, power }));
  if (factors.length === 0) return DIMENSIONLESS;
  if (factors.some(({ power }) => !Number.isInteger(power * 2) || Math.abs(power) > HIGHEST_POWER)) return undefined;

  const dimension = [...DIMENSIONLESS.dimension];
  let exact: ExactScale | null = EXACT_ONE;
  let scale = 1;
  for (const { symbol, power } of factors) {
    const atom = findAtom(symbol)!;
    atom.dimension.forEach((base, i) => {
      dimension[i] = dimension[i]! + base * power;
    });
    exact = multiplyExact(exact, powerExact(atom.exact, power));
    scale *= halfPower(atom.scale, power);
  }
  if (exact !== null) scale = applyExact(1, exact);
  if (!Number.isFinite(scale) || scale === 0) return undefined;
  return { text: textOf(factors), scale, dimension, factors, exact };
}

/** base^power for a multiple of 1/2, by multiplication: every step is correctly rounded on every machine. */
function halfPower(base: number, power: number): number {
  const root = Number.isInteger(power) ? base : Math.sqrt(base);
  const times = Math.abs(Number.isInteger(power) ? power : power * 2);
  let result = 1;
  for (let i = 0; i < times; i++) result *= root;
  return power < 0 ? 1 / result : result;
}

function textOf(factors: readonly UnitFactor[]): string {
  const above = factors.filter(({ power }) => power > 0);
  const below = factors.filter(({ power }) => power < 0);
  const product = (side: readonly UnitFactor[]): string =>
    side.map(({ symbol, power }) => symbol + (Math.abs(power) === 1 ? '' : `^${Math.abs(power)}`)).join('*');
  if (below.length === 0) return product(above);
  const numerator = above.length === 0 ? '1' : product(above);
  return `${numerator}/${below.length === 1 ? product(below) : `(${product(below)})`}`;
}

function nearestUnit(symbol: string): string | undefined {
  const near = closest(symbol, [...unitSymbols(), ...unitWords()]);
  return near === undefined ? undefined : (meantUnit(near) ?? near);
}

function shown(text: string): string {
  const short = text.trim();
  return short.length > 40 ? `${short.slice(0, 40)}...` : short;
}

const UNIT_TOKEN =
  /\s*(?:([A-Za-z%\u00b0]+)|(\^\s*(?:[+-]?[0-9]+(?:\.[0-9]+)?|\(\s*[+-]?[0-9]+(?:\.[0-9]+|\s*\/\s*[0-9]+)?\s*\)))|(\*\*|[0-9]+|.))/suy;

/** Recursive descent over one unit text; `problem` is set when read() finds none. */
class UnitReader {
  problem = '';
  readonly #text: string;
  readonly #tokens: string[] = [];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    UNIT_TOKEN.lastIndex = 0;
    for (let match = UNIT_TOKEN.exec(text); match !== null; match = UNIT_TOKEN.exec(text)) {
      this.#tokens.push(match[1] ?? match[2]?.replaceAll(/\s/g, '') ?? match[3]!);
    }
  }

  read(): UnitFactor[] | undefined {
    const factors = this.#product(0);
    if (factors === undefined || this.#next === this.#tokens.length) return factors;
    const token = this.#tokens[this.#next]!;
    const before = this.#tokens[this.#next - 1];
    if (/^[0-9]/.test(token)) return this.#fail(`Powers are written with \`^\`: \`${before}^${token}\`.`);
    if (token === '**') return this.#fail('Powers are written with `^`, as in `m^2`.');
    if (/^[A-Za-z%(]/.test(token)) return this.#fail('Products are written with `*`, as in `N*m`.');
    return this.#fail(`The character \`${token}\` is not expected here.`);
  }

  #product(depth: number): UnitFactor[] | undefined {
    const factors: UnitFactor[] = [];
    let divided = false;
    for (let operator = '*'; ; operator = this.#tokens[this.#next++]!) {
      if (operator === '*' && divided) {
        return this.#fail('What is meant after `/` is not clear; write it as in `W/(m*K)` or `W*K/m`.');
      }
      const factor = this.#power(depth);
      if (factor === undefined) return undefined;
      divided ||= operator === '/';
      factors.push(...raised(factor, operator === '/' ? -1 : 1));
      const following = this.#tokens[this.#next];
      if (following !== '*' && following !== '/') return factors;
    }
  }

  #power(depth: number): UnitFactor[] | undefined {
    const base = this.#atom(depth);
    const token = this.#tokens[this.#next];
    if (base === undefined || token === undefined || !/^\^./.test(token)) return base;
    this.#next++;
    const [top, bottom] = token.replaceAll(/[\^()]/g, '').split('/');
    const power = Number(top) / Number(bottom ?? '1');
    if (Number.isInteger(power * 2) && Math.abs(power) <= HIGHEST_POWER) return raised(base, power);
    return this.#fail(
      `The power in \`${token}\` is not a multiple of 1/2 between -${HIGHEST_POWER} and ${HIGHEST_POWER}.`,
    );
  }

  #atom(depth: number): UnitFactor[] | undefined {
    const token = this.#tokens[this.#next++];
    if (token === undefined) return this.#fail('Something is missing at its end.');
    if (token === '1') return [];
    if (token === '(') {
      if (depth === DEEPEST_NESTING) return this.#fail('It has too many parentheses.');
      const inner = this.#product(depth + 1);
      if (inner === undefined) return undefined;
      return this.#tokens[this.#next++] === ')' ? inner : this.#fail('A `)` is missing.');
    }
    if (!/^[A-Za-z%\u00b0]/.test(token)) return this.#fail('It must begin with a symbol, as in `N` or `kg/m^3`.');
    const refused = refusedUnit(token);
    if (refused !== undefined) return this.#fail(refused);
    return findAtom(token) === undefined ? this.#unknown(token) : [{ symbol: token, power: 1 }];
  }

  #unknown(symbol: string): undefined {
    const suggestion = meantUnit(symbol) ?? meantUnit(symbol.toLowerCase()) ?? nearestUnit(symbol);
    const next =
      suggestion === undefined ? 'The units are listed in docs/expressions.md.' : `Did you mean \`${suggestion}\`?`;
    this.problem = `There is no unit \`${shown(symbol)}\`. ${next}`;
  }

  #fail(reason: string): undefined {
    this.problem = `\`${shown(this.#text)}\` is not a unit. ${reason}`;
  }
}
