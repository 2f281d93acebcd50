import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cells, wrapped } from '../../../../src/ui/review/screen/wrap.ts';

test('breaks at spaces, and within words that are too long', () => {
  expect(wrapped('one two three', 8)).toEqual(['one two', 'three']);
  expect(wrapped('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
  expect(wrapped('漢字漢字', 5)).toEqual(['漢字', '漢字']);
  expect(wrapped('', 5)).toEqual(['']);
});

test('property: no line is too wide, and nothing but spaces is lost', () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom(' ', 'a', '漢', 'é', '-'), fc.string({ unit: 'grapheme', maxLength: 1 })),
  });
  fc.assert(
    fc.property(text, fc.integer({ min: 8, max: 40 }), (whole, width) => {
      const lines = wrapped(whole, width);
      for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(width);
      expect(lines.join('').replaceAll(' ', '')).toBe(whole.replaceAll(' ', ''));
    }),
  );
});
