/**
 * The unit symbols that expctl knows, and exact arithmetic on their scales.
 *
 * Sources: BIPM, The International System of Units, 9th edition (2019); NIST Special Publication 811 (2008), appendix B.
 */

/** Powers of m, kg, s, A, K, mol, cd. */
export type Dimension = readonly number[];

/**
 * A scale kept exactly: numerator / denominator * 10^ten * pi^pi. The denominator has no factor 2 or 5 and the numerator
 * no factor 10, so that a change of prefix is a shift of the decimal point and nothing else.
 */
export interface ExactScale {
  readonly numerator: number;
  readonly denominator: number;
  readonly ten: number;
  readonly pi: number;
}

/** One symbol of the table, with its prefix if it has one. `exact` is null if the digits pass 2^53. */
export interface UnitAtom {
  readonly scale: number;
  readonly exact: ExactScale | null;
  readonly dimension: Dimension;
}

const NONE = [0, 0, 0, 0, 0, 0, 0];
const LENGTH = [1, 0, 0, 0, 0, 0, 0];
const AREA = [2, 0, 0, 0, 0, 0, 0];
const VOLUME = [3, 0, 0, 0, 0, 0, 0];
const MASS = [0, 1, 0, 0, 0, 0, 0];
const TIME = [0, 0, 1, 0, 0, 0, 0];
const RATE = [0, 0, -1, 0, 0, 0, 0];
const SPEED = [1, 0, -1, 0, 0, 0, 0];
const FORCE = [1, 1, -2, 0, 0, 0, 0];
const PRESSURE = [-1, 1, -2, 0, 0, 0, 0];
const ENERGY = [2, 1, -2, 0, 0, 0, 0];
const POWER = [2, 1, -3, 0, 0, 0, 0];

/** Symbol: dimension, scale to SI, whether SI prefixes may stand before it. */
const TABLE: Readonly<Record<string, readonly [Dimension, string, 'prefixes'?]>> = {
  m: [LENGTH, '1', 'prefixes'],
  in: [LENGTH, '0.0254'],
  ft: [LENGTH, '0.3048'],
  yd: [LENGTH, '0.9144'],
  mi: [LENGTH, '1609.344'],
  nmi: [LENGTH, '1852'],
  mil: [LENGTH, '0.0000254'],
  angstrom: [LENGTH, '1e-10'],
  ha: [AREA, '1e4'],
  L: [VOLUME, '1e-3', 'prefixes'],
  l: [VOLUME, '1e-3', 'prefixes'],
  gal: [VOLUME, '0.003785411784'],
  g: [MASS, '1e-3', 'prefixes'],
  t: [MASS, '1e3', 'prefixes'],
  lb: [MASS, '0.45359237'],
  oz: [MASS, '0.028349523125'],
  slug: [MASS, '14.59390293720636'],
  Da: [MASS, '1.66053906892e-27'],
  s: [TIME, '1', 'prefixes'],
  min: [TIME, '60'],
  h: [TIME, '3600'],
  d: [TIME, '86400'],
  week: [TIME, '604800'],
  A: [[0, 0, 0, 1, 0, 0, 0], '1', 'prefixes'],
  K: [[0, 0, 0, 0, 1, 0, 0], '1', 'prefixes'],
  mol: [[0, 0, 0, 0, 0, 1, 0], '1', 'prefixes'],
  cd: [[0, 0, 0, 0, 0, 0, 1], '1', 'prefixes'],
  rad: [NONE, '1', 'prefixes'],
  sr: [NONE, '1', 'prefixes'],
  deg: [NONE, 'pi/180'],
  arcmin: [NONE, 'pi/10800'],
  arcsec: [NONE, 'pi/648000'],
  rev: [NONE, 'pi*2'],
  '%': [NONE, '1e-2'],
  ppm: [NONE, '1e-6'],
  ppb: [NONE, '1e-9'],
  Hz: [RATE, '1', 'prefixes'],
  rpm: [RATE, 'pi/30'],
  Bq: [RATE, '1', 'prefixes'],
  mph: [SPEED, '0.44704'],
  kn: [SPEED, '1852/3600'],
  gn: [[1, 0, -2, 0, 0, 0, 0], '9.80665'],
  N: [FORCE, '1', 'prefixes'],
  dyn: [FORCE, '1e-5', 'prefixes'],
  lbf: [FORCE, '4.4482216152605'],
  kip: [FORCE, '4448.2216152605'],
  kgf: [FORCE, '9.80665'],
  Pa: [PRESSURE, '1', 'prefixes'],
  bar: [PRESSURE, '1e5', 'prefixes'],
  atm: [PRESSURE, '101325'],
  torr: [PRESSURE, '101325/760'],
  mmHg: [PRESSURE, '133.322387415'],
  psi: [PRESSURE, '222411080763025/32258000000'],
  ksi: [PRESSURE, '222411080763025/32258000'],
  J: [ENERGY, '1', 'prefixes'],
  erg: [ENERGY, '1e-7', 'prefixes'],
  eV: [ENERGY, '1.602176634e-19', 'prefixes'],
  cal: [ENERGY, '4.184', 'prefixes'],
  Btu: [ENERGY, '1055.05585262'],
  Wh: [ENERGY, '3600', 'prefixes'],
  W: [POWER, '1', 'prefixes'],
  VA: [POWER, '1', 'prefixes'],
  hp: [POWER, '745.69987158227022'],
  P: [[-1, 1, -1, 0, 0, 0, 0], '0.1', 'prefixes'],
  St: [[2, 0, -1, 0, 0, 0, 0], '1e-4', 'prefixes'],
  C: [[0, 0, 1, 1, 0, 0, 0], '1', 'prefixes'],
  Ah: [[0, 0, 1, 1, 0, 0, 0], '3600', 'prefixes'],
  V: [[2, 1, -3, -1, 0, 0, 0], '1', 'prefixes'],
  ohm: [[2, 1, -3, -2, 0, 0, 0], '1', 'prefixes'],
  S: [[-2, -1, 3, 2, 0, 0, 0], '1', 'prefixes'],
  F: [[-2, -1, 4, 2, 0, 0, 0], '1', 'prefixes'],
  H: [[2, 1, -2, -2, 0, 0, 0], '1', 'prefixes'],
  Wb: [[2, 1, -2, -1, 0, 0, 0], '1', 'prefixes'],
  T: [[0, 1, -2, -1, 0, 0, 0], '1', 'prefixes'],
  lm: [[0, 0, 0, 0, 0, 0, 1], '1', 'prefixes'],
  lx: [[-2, 0, 0, 0, 0, 0, 1], '1', 'prefixes'],
  Gy: [[2, 0, -2, 0, 0, 0, 0], '1', 'prefixes'],
  Sv: [[2, 0, -2, 0, 0, 0, 0], '1', 'prefixes'],
  kat: [[0, 0, -1, 0, 0, 1, 0], '1', 'prefixes'],
};

const PREFIXES: Readonly<Record<string, number>> = {
  Q: 30,
  R: 27,
  Y: 24,
  Z: 21,
  E: 18,
  P: 15,
  T: 12,
  G: 9,
  M: 6,
  k: 3,
  h: 2,
  da: 1,
  d: -1,
  c: -2,
  m: -3,
  u: -6,
  n: -9,
  p: -12,
  f: -15,
  a: -18,
  z: -21,
  y: -24,
  r: -27,
  q: -30,
};

/** What people write, and the symbol that is meant. */
const MEANT: Readonly<Record<string, string>> = {
  meter: 'm',
  metre: 'm',
  meters: 'm',
  metres: 'm',
  millimeter: 'mm',
  millimetre: 'mm',
  micron: 'um',
  inch: 'in',
  inches: 'in',
  foot: 'ft',
  feet: 'ft',
  mile: 'mi',
  thou: 'mil',
  gram: 'g',
  kilogram: 'kg',
  kilo: 'kg',
  ton: 't',
  tonne: 't',
  pound: 'lb',
  lbs: 'lb',
  lbm: 'lb',
  pounds: 'lb',
  ounce: 'oz',
  sec: 's',
  second: 's',
  seconds: 's',
  minute: 'min',
  minutes: 'min',
  hr: 'h',
  hour: 'h',
  hours: 'h',
  day: 'd',
  days: 'd',
  kelvin: 'K',
  newton: 'N',
  Nm: 'N*m',
  kNm: 'kN*m',
  Nmm: 'N*mm',
  pascal: 'Pa',
  joule: 'J',
  watt: 'W',
  volt: 'V',
  amp: 'A',
  ampere: 'A',
  hertz: 'Hz',
  degree: 'deg',
  degrees: 'deg',
  radian: 'rad',
  radians: 'rad',
  liter: 'L',
  litre: 'L',
  percent: '%',
  pct: '%',
  kph: 'km/h',
  kmh: 'km/h',
  cc: 'cm^3',
  lit: 'L',
  sqm: 'm^2',
  knot: 'kn',
};

/** Symbols that are refused, each with the reason. */
const REFUSED: Readonly<Record<string, string>> = Object.fromEntries([
  ...['degC', 'celsius', 'Celsius', 'oC', '°C'].map((symbol) => [
    symbol,
    'Degrees Celsius do not start at zero, so they cannot be multiplied or converted by a factor; write the temperature in K (20 degC is 293.15 K).',
  ]),
  ...['degF', 'fahrenheit', 'Fahrenheit', 'oF', '°F'].map((symbol) => [
    symbol,
    'Degrees Fahrenheit do not start at zero, so they cannot be multiplied or converted by a factor; write the temperature in K (68 degF is 293.15 K).',
  ]),
  ...['dB', 'dBm', 'dBA'].map((symbol) => [
    symbol,
    'Decibels are logarithmic and cannot be converted by a factor; write the ratio itself.',
  ]),
]);

export function refusedUnit(symbol: string): string | undefined {
  return Object.hasOwn(REFUSED, symbol) ? REFUSED[symbol] : undefined;
}

/** The symbol that was probably meant by a word that people use for a unit. */
export function meantUnit(word: string): string | undefined {
  return Object.hasOwn(MEANT, word) ? MEANT[word] : undefined;
}

/** The words that meantUnit knows, to find one that is misspelt. */
export function unitWords(): string[] {
  return Object.keys(MEANT);
}

/** Symbols to suggest from: the table, and the usual prefixes before the SI symbols. */
export function unitSymbols(): string[] {
  const prefixed = ['m', 'g', 's', 'N', 'Pa', 'J', 'W', 'Hz', 'V', 'A'].flatMap((symbol) =>
    ['k', 'M', 'G', 'm', 'u', 'c', 'n'].map((prefix) => prefix + symbol),
  );
  return [...Object.keys(TABLE), ...prefixed];
}

/** A symbol of the table, or one with an SI prefix before it. A whole symbol wins: `min` is minutes, `ft` feet. */
export function findAtom(symbol: string): UnitAtom | undefined {
  const whole = Object.hasOwn(TABLE, symbol) ? TABLE[symbol] : undefined;
  if (whole !== undefined) return atomOf(whole[0], whole[1], 0);
  for (const length of [2, 1]) {
    const prefix = symbol.slice(0, length);
    const rest = symbol.slice(length);
    const entry = Object.hasOwn(TABLE, rest) ? TABLE[rest] : undefined;
    if (entry?.[2] === undefined || !Object.hasOwn(PREFIXES, prefix)) continue;
    return atomOf(entry[0], entry[1], PREFIXES[prefix]!);
  }
  return undefined;
}

function atomOf(dimension: Dimension, scaleText: string, prefix: number): UnitAtom {
  const [top, bottom] = scaleText.startsWith('pi*') ? [scaleText.slice(3), undefined] : scaleText.split('/');
  const numerator = decimal(top === 'pi' ? '1' : top!);
  const denominator = decimal(bottom ?? '1');
  if (numerator === null || denominator === null) {
    return { dimension, exact: null, scale: shiftDecimal(Number(top) / Number(bottom ?? '1'), prefix) };
  }
  const pi = scaleText.startsWith('pi') ? 1 : 0;
  const quotient = multiplyExact(numerator, powerExact(denominator, -1));
  const exact = quotient && { ...quotient, ten: quotient.ten + prefix, pi };
  return { dimension, exact, scale: exact === null ? Number.NaN : applyExact(1, exact) };
}

/** Decimal text as an exact scale; null if its digits pass 2^53. */
function decimal(text: string): ExactScale | null {
  const [mantissa, exponent] = text.split('e');
  const [whole, fraction] = mantissa!.split('.');
  const digits = Number(whole! + (fraction ?? ''));
  return normalised(digits, 1, Number(exponent ?? '0') - (fraction?.length ?? 0), 0);
}

export const EXACT_ONE: ExactScale = { numerator: 1, denominator: 1, ten: 0, pi: 0 };

export function multiplyExact(a: ExactScale | null, b: ExactScale | null): ExactScale | null {
  if (a === null || b === null) return null;
  const first = greatestCommonDivisor(a.numerator, b.denominator);
  const second = greatestCommonDivisor(b.numerator, a.denominator);
  const numerator = (a.numerator / first) * (b.numerator / second);
  const denominator = (a.denominator / second) * (b.denominator / first);
  return normalised(numerator, denominator, a.ten + b.ten, a.pi + b.pi);
}

/** A whole power; null if it is not whole or the digits pass 2^53. */
export function powerExact(base: ExactScale | null, exponent: number): ExactScale | null {
  if (base === null || !Number.isInteger(exponent)) return null;
  const { numerator, denominator, ten, pi } = base;
  const positive = exponent >= 0 ? base : normalised(denominator, numerator, -ten, -pi);
  let result: ExactScale | null = EXACT_ONE;
  for (let i = 0; i < Math.abs(exponent) && result !== null; i++) result = multiplyExact(result, positive);
  return result;
}

/** value * scale: whole factors first, then the decimal point, so that 1 in is 25.4 mm and 25.4 mm is 1 in. */
export function applyExact(value: number, scale: ExactScale): number {
  let result = scale.numerator === 1 ? value : value * scale.numerator;
  result = shiftDecimal(result, scale.ten);
  if (scale.denominator !== 1) result /= scale.denominator;
  for (let i = 0; i < scale.pi; i++) result *= Math.PI;
  for (let i = 0; i > scale.pi; i--) result /= Math.PI;
  return result;
}

/** value * 10^places as a person does it, on the shortest decimal digits: 0.57 m is 57 cm, although 0.57 * 100 is not 57. */
function shiftDecimal(value: number, places: number): number {
  if (places === 0 || !Number.isFinite(value)) return value;
  const [mantissa, exponent] = String(value).split('e');
  return Number(`${mantissa}e${Number(exponent ?? '0') + places}`);
}

function normalised(numerator: number, denominator: number, ten: number, pi: number): ExactScale | null {
  let top = numerator;
  let bottom = denominator;
  let places = ten;
  if (!Number.isSafeInteger(top) || !Number.isSafeInteger(bottom)) return null;
  const divisor = greatestCommonDivisor(top, bottom);
  top /= divisor;
  bottom /= divisor;
  for (; bottom % 10 === 0; places--) bottom /= 10;
  for (; bottom % 2 === 0; places--) [top, bottom] = [top * 5, bottom / 2];
  for (; bottom % 5 === 0; places--) [top, bottom] = [top * 2, bottom / 5];
  for (; top % 10 === 0; places++) top /= 10;
  return Number.isSafeInteger(top) ? { numerator: top, denominator: bottom, ten: places, pi } : null;
}

function greatestCommonDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}
