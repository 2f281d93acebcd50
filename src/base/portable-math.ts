/**
 * Exponential, logarithm and power that give the same bits on every machine: ECMAScript leaves `Math.exp`, `Math.log`
 * and `Math.pow` to the engine, and designs, expressions and decisions must replay. Plain + - * / (IEEE 754 fixes
 * their results), with pairs of doubles where 53 bits do not do.
 *
 * Sources: Dekker (1971), A floating-point technique for extending the available precision, Numerische Mathematik
 * 18, 224-242 (pairs of doubles); Muller, Elementary Functions, 3rd edition (2016), chapters 5 and 11 (reduction of
 * the argument, series).
 */

/** An unevaluated sum of two doubles, `low` at most half a unit in the last place of `high`: about 106 bits. */
interface Pair {
  readonly high: number;
  readonly low: number;
}

/** ln 2 = HIGH + LOW to 95 bits. The last 21 bits of HIGH are zero, so that k * HIGH is exact for every exponent k. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** 1/3 and 1/5 to 106 bits. */
const THIRD: Pair = { high: 1 / 3, low: 2 ** -54 / 3 };
const FIFTH: Pair = { high: 1 / 5, low: -(2 ** -54) / 5 };

/** Beyond these, exp overflows, or is less than half of the least positive double. */
const EXP_OVERFLOW = 709.782712893384;
const EXP_UNDERFLOW = -745.1332191019412;

/** e^x. Within 0.65 ulp (one of the subnormal results). exp(-Infinity) is 0. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  return expOfPair({ high: x, low: 0 });
}

/** Natural logarithm. Within 0.51 ulp. log(0) is -Infinity, of a negative number NaN. */
export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  return x === Number.POSITIVE_INFINITY ? x : logAsPair(x).high;
}

/**
 * x^y, with the special cases of ECMAScript's `**` (so 1 to the power of an infinity is NaN). Within 0.65 ulp (one of
 * the subnormal results), and exact where the power is a double, as with small integer powers.
 */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  const magnitude = Math.abs(x);
  if (Number.isNaN(x) || Number.isNaN(y) || (magnitude === 1 && !Number.isFinite(y))) return Number.NaN;
  if (x < 0 && Number.isFinite(x) && Number.isFinite(y) && !Number.isInteger(y)) return Number.NaN;
  const isNegative = (x < 0 || Object.is(x, -0)) && Number.isInteger(y) && y % 2 !== 0;
  const power = positivePow(magnitude, y);
  return isNegative ? -power : power;
}

/** x^y for x in [0, Infinity], y not 0 and not NaN. */
function positivePow(x: number, y: number): number {
  if (x === 1 || y === 1) return x;
  if (x === 0 || x === Number.POSITIVE_INFINITY) return (x === 0) === y > 0 ? 0 : Number.POSITIVE_INFINITY;
  const logarithm = logAsPair(x);
  const estimate = logarithm.high * y;
  // Decided here, as the products below need the middle of the range of exponents.
  if (Math.abs(estimate) > 800) return estimate > 0 ? Number.POSITIVE_INFINITY : 0;
  if (Math.abs(estimate) < 2 ** -60) return 1;
  return expOfPair(multiplyByDouble(logarithm, y));
}

/**
 * e^(high + low). With k = round(x / ln 2) and |r| <= 0.35 the rest, e^x = 2^k e^r, and e^r = 1 + r + q with
 * q = r^2/2! + ... + r^14/14!, whose remainder is below 2^-62. Only q, at most 0.06, is rounded before the last sum.
 */
function expOfPair(x: Pair): number {
  if (x.high > EXP_OVERFLOW) return Number.POSITIVE_INFINITY;
  if (x.high < EXP_UNDERFLOW) return 0;
  const k = Math.floor(x.high / (LN2_HIGH + LN2_LOW) + 0.5);
  const r = twoSum(x.high - k * LN2_HIGH, x.low - k * LN2_LOW);
  let q = 0;
  for (let n = 14; n >= 3; n -= 1) q = (r.high / n) * (1 + q);
  q = r.high * r.high * (0.5 + 0.5 * q) + r.low * (1 + r.high);
  const onePlus = twoSum(1, r.high);
  return timesPowerOfTwo(onePlus.high + (onePlus.low + q), k);
}

/**
 * ln x for finite x > 0. With x = 2^k m, m in [sqrt(1/2), sqrt(2)], and s = (m - 1) / (m + 1), z = s^2 <= 0.0295:
 * ln x = k ln 2 + 2 s (1 + z (1/3 + z (1/5 + z (1/7 + ...)))). All but the terms from 1/7 on are pairs; relative
 * error below 2^-66.
 */
function logAsPair(x: number): Pair {
  const { fraction: m, exponent: k } = splitExponent(x);
  const numerator = m - 1; // exact
  const denominator = twoSum(m, 1);
  const quotient = numerator / denominator.high;
  const product = twoProduct(quotient, denominator.high);
  const rest = numerator - product.high - product.low - quotient * denominator.low;
  const s = fastTwoSum(quotient, rest / denominator.high);

  const z = multiply(s, s);
  let tail = 0;
  for (let n = 25; n >= 7; n -= 2) tail = tail * z.high + 1 / n;
  const series = add(multiply(z, add(multiply(z, add(FIFTH, { high: z.high * tail, low: 0 })), THIRD)), {
    high: 1,
    low: 0,
  });
  const ofFraction = multiply({ high: 2 * s.high, low: 2 * s.low }, series);
  return k === 0 ? ofFraction : add(add({ high: k * LN2_HIGH, low: 0 }, twoProduct(k, LN2_LOW)), ofFraction);
}

/** The exact sum of two doubles (Knuth). */
function twoSum(a: number, b: number): Pair {
  const high = a + b;
  const part = high - a;
  return { high, low: a - (high - part) + (b - part) };
}

/** The exact sum, if |a| >= |b| (Dekker). */
function fastTwoSum(a: number, b: number): Pair {
  const high = a + b;
  return { high, low: b - (high - a) };
}

/** The exact product of two doubles, as long as nothing overflows or becomes subnormal (Dekker, Veltkamp). */
function twoProduct(a: number, b: number): Pair {
  const aHigh = upperHalf(a);
  const aLow = a - aHigh;
  const bHigh = upperHalf(b);
  const bLow = b - bHigh;
  const high = a * b;
  return { high, low: aHigh * bHigh - high + aHigh * bLow + aLow * bHigh + aLow * bLow };
}

/** The upper 26 bits of a double. */
function upperHalf(a: number): number {
  const shifted = 134217729 * a; // 2^27 + 1
  return shifted - (shifted - a);
}

function add(a: Pair, b: Pair): Pair {
  const sum = twoSum(a.high, b.high);
  return fastTwoSum(sum.high, sum.low + (a.low + b.low));
}

function multiply(a: Pair, b: Pair): Pair {
  const product = twoProduct(a.high, b.high);
  return fastTwoSum(product.high, product.low + (a.high * b.low + a.low * b.high));
}

function multiplyByDouble(a: Pair, b: number): Pair {
  return multiply(a, { high: b, low: 0 });
}

const scratch = new DataView(new ArrayBuffer(8));

/** x = 2^exponent * fraction with fraction in [sqrt(1/2), sqrt(2)), for finite x > 0. */
function splitExponent(x: number): { fraction: number; exponent: number } {
  const isSubnormal = x < 2 ** -1022;
  scratch.setFloat64(0, isSubnormal ? x * 2 ** 54 : x);
  const upper = scratch.getUint32(0);
  const exponent = (upper >>> 20) - 1023 - (isSubnormal ? 54 : 0);
  scratch.setUint32(0, (upper & 0x000fffff) | 0x3ff00000);
  const fraction = scratch.getFloat64(0);
  return fraction < Math.SQRT2 ? { fraction, exponent } : { fraction: fraction / 2, exponent: exponent + 1 };
}

/** x * 2^k for x in [0.5, 2] and k in [-1080, 1024], rounded once at most. */
function timesPowerOfTwo(x: number, k: number): number {
  if (k > 1000) return x * powerOfTwo(k - 100) * 2 ** 100;
  return k < -1000 ? x * powerOfTwo(k + 100) * 2 ** -100 : x * powerOfTwo(k);
}

/** 2^k for k in [-1022, 1023]. */
function powerOfTwo(k: number): number {
  scratch.setUint32(0, (k + 1023) << 20);
  scratch.setUint32(4, 0);
  return scratch.getFloat64(0);
}
