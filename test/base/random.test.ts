import fc from 'fast-check';
import { expect, test } from 'vitest';
import { philox4x32, randomStream } from '../../src/base/random.ts';

test('Philox4x32-10 gives the known answers of Random123', () => {
  const all = 0xffffffff;
  expect(philox4x32([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  expect(philox4x32([all, all, all, all], [all, all])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
  expect(philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
    0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
  ]);
});

test('a stream is pinned: a change here changes every design that was ever drawn', () => {
  const stream = randomStream(7, 'latin_hypercube', 0);
  const words = Array.from({ length: 6 }, () => (stream.uniform() * 2 ** 32).toString(16));
  expect(words).toMatchInlineSnapshot(`
    [
      "50d44014",
      "fbfc100a",
      "7550b863",
      "cb140a67",
      "88d983ce",
      "f636ac46",
    ]
  `);
});

test('equal names give equal streams, and other names others', () => {
  const first = (seed: number, ...path: (string | number)[]) => randomStream(seed, ...path).uniform();
  expect(first(1, 'a', 2)).toBe(first(1, 'a', 2));
  const all = [first(1), first(2), first(-1), first(1, 'a'), first(1, 'a', 2), first(1, 'a', '2'), first(1, 'a2')];
  expect(new Set(all).size).toBe(all.length);
});

test('uniform is a multiple of 2^-32 in [0, 1), with the mean and variance of the uniform distribution', () => {
  const stream = randomStream(3, 'moments');
  const n = 100_000;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < n; i += 1) {
    const u = stream.uniform();
    if (!(u >= 0 && u < 1 && Number.isInteger(u * 2 ** 32)))
      throw new Error(`${u} is not a multiple of 2^-32 in [0, 1)`);
    sum += u;
    squares += u * u;
  }
  expect(Math.abs(sum / n - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
  expect(Math.abs(squares / n - 1 / 3)).toBeLessThan(4 * Math.sqrt(4 / 45 / n));
});

test('integer(n) is even over 0 to n - 1', () => {
  const stream = randomStream(4, 'counts');
  const counts = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 70_000; i += 1) counts[stream.integer(7)]! += 1;
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  expect(chiSquare).toBeLessThan(22.5); // 99.9 % quantile for 6 degrees of freedom
  expect(stream.integer(1)).toBe(0);
  expect(stream.integer(2 ** 32)).toBeLessThan(2 ** 32);
});

test('integer(n) draws again where a plain remainder would be biased', () => {
  // n = 3 * 2^30: words from there on, a quarter of all, must be refused, else 0 to 2^30 - 1 come twice as often.
  const stream = randomStream(5, 'bias');
  let low = 0;
  for (let i = 0; i < 30_000; i += 1) low += stream.integer(3 * 2 ** 30) < 2 ** 30 ? 1 : 0;
  expect(Math.abs(low - 10_000)).toBeLessThan(400);
});

test('shuffle permutes a copy', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(fc.nat(), { maxLength: 50 }), (seed, items) => {
      const before = [...items];
      const shuffled = randomStream(seed, 'shuffle').shuffle(items);
      expect(items).toEqual(before);
      expect([...shuffled].sort((a, b) => a - b)).toEqual([...items].sort((a, b) => a - b));
    }),
  );
  const orders = new Set(Array.from({ length: 300 }, (_, seed) => randomStream(seed, 'o').shuffle([1, 2, 3]).join('')));
  expect(orders.size).toBe(6);
});

test('what cannot name a stream, or bound an integer, is a bug', () => {
  expect(() => randomStream(0.5)).toThrow(RangeError);
  expect(() => randomStream(1, 'a', Number.NaN)).toThrow(RangeError);
  for (const n of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) expect(() => randomStream(1).integer(n)).toThrow(RangeError);
});
