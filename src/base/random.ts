import { sha256, utf8 } from './sha256.ts';

/** Random numbers that depend on nothing but the names they were asked for under. */
export interface RandomStream {
  /** Uniform on [0, 1): a multiple of 2^-32, so that (k + uniform()) / n never rounds up to (k + 1) / n for n up to 2^20. */
  uniform(): number;
  /** Uniform on the integers 0 to n - 1, without bias. Throws a RangeError unless n is an integer, 1 to 2^32. */
  integer(n: number): number;
  /** The items in random order, as a new array; every order is equally likely (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
}

/**
 * The stream of random numbers of that name. Streams of different names are independent, equal names give equal
 * streams on every machine, and no stream notices how much was drawn from another.
 *
 * The SHA-256 of the name gives the key of Philox4x32-10 and the upper half of its counter; the lower half counts blocks.
 *
 * @param seed a safe integer; otherwise a RangeError, for ir/ has checked the user's plan
 * @param path what the numbers are for, such as 'latin_hypercube', 3; numbers must be finite
 */
export function randomStream(seed: number, ...path: (string | number)[]): RandomStream {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`a seed is a safe integer, not ${seed}`);
  for (const part of path) {
    if (typeof part === 'number' && !Number.isFinite(part)) throw new RangeError(`${part} cannot name a random stream`);
  }
  const name = new DataView(sha256(utf8(JSON.stringify([seed, ...path]))).buffer);
  const key: Words2 = [name.getUint32(0), name.getUint32(4)];
  const upper: Words2 = [name.getUint32(8), name.getUint32(12)];
  let blocks = 0;
  let block: Words4 = [0, 0, 0, 0];
  let used = 4;

  const word = (): number => {
    if (used === 4) {
      block = philox4x32([blocks >>> 0, Math.floor(blocks / 2 ** 32), ...upper], key);
      blocks += 1;
      used = 0;
    }
    return block[used++]!;
  };
  const integer = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) throw new RangeError(`integer(n) takes 1 to 2^32, not ${n}`);
    const limit = 2 ** 32 - (2 ** 32 % n); // words from here on would favour small results
    let drawn = word();
    while (drawn >= limit) drawn = word();
    return drawn % n;
  };
  return {
    uniform: () => word() / 2 ** 32,
    integer,
    shuffle: (items) => {
      const shuffled = [...items];
      for (let last = shuffled.length - 1; last > 0; last -= 1) {
        const other = integer(last + 1);
        [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
      }
      return shuffled;
    },
  };
}

type Words2 = readonly [number, number];
type Words4 = readonly [number, number, number, number];

/**
 * The bijection Philox4x32-10: four random 32-bit words for a counter and a key.
 *
 * Source: Salmon, Moraes, Dror & Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, SC'11, section 3.3.
 */
export function philox4x32(counter: Words4, key: Words2): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round += 1) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0; // the golden ratio
    k1 = (k1 + 0xbb67ae85) | 0; // sqrt(3) - 1
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** Upper 32 bits of the product of two 32-bit words, by halves, as a double cannot hold 64 bits. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 0x10000);
  const carry = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) | 0;
}
