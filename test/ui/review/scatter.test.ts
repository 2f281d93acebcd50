import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scatter, scatterWidth } from '../../../src/ui/review/scatter.ts';

const AXES = { x: { title: 'x', min: 0, max: 1 }, y: { title: 'y', min: 0, max: 1 } };

test('ASCII: corners are where they belong, and crowds are seen', () => {
  const crowd = Array.from({ length: 5 }, (): [number, number] => [0.5, 0.5]);
  const lines = scatter([[0, 0], [1, 1], [1, 0], [1, 0], ...crowd], { ...AXES, width: 5, height: 3, ascii: true });
  expect(lines).toEqual([
    '          y over x',
    '        1 |    .',
    '          |  #',
    '        0 |.   o',
    '          +-----',
    '           0   1',
  ]);
});

test('braille: two by four dots in a cell', () => {
  const quarter: [number, number][] = [
    [0.1, 0.99],
    [0.1, 0.6],
    [0.9, 0.3],
    [0.9, 0.1],
  ];
  expect(scatter(quarter, { ...AXES, width: 1, height: 1 })[1]).toBe('        1 |⢣'.replace('⢣', '\u28a3'.normalize()));
});

test('a log axis spreads decades evenly', () => {
  const x = { title: 'x', min: 1, max: 1000, scale: 'log' as const };
  const [, row] = scatter(
    [
      [1, 0.5],
      [31.6, 0.5],
      [1000, 0.5],
    ],
    { x, y: AXES.y, width: 7, height: 1, ascii: true },
  );
  expect(row).toBe('        1 |.  .  .');
});

test('says how many points lie outside, and plots a variable of one value', () => {
  const lines = scatter(
    [
      [2, 0.5],
      [Number.NaN, 0],
      [0.5, 0.5],
    ],
    { ...AXES, width: 4, height: 2, ascii: true },
  );
  expect(lines.at(-1)).toBe('           2 points lie outside');
  const flat = { title: 'x', min: 3, max: 3 };
  expect(scatter([[3, 0.5]], { ...AXES, x: flat, width: 5, height: 1, ascii: true })[1]).toBe('        1 |  .');
});

test('property: every point within bounds is drawn, on lines of a known number and width', () => {
  const unit = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(unit, unit), { minLength: 1 }), fc.integer({ min: 2, max: 80 }), (points, width) => {
      for (const ascii of [true, false]) {
        const lines = scatter(points, { ...AXES, width, height: 6, ascii });
        expect(lines).toHaveLength(9);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(18, scatterWidth(width)));
        expect(lines.slice(1, 7).join('')).toMatch(ascii ? /[.o#]/ : /[\u2801-\u28ff]/);
      }
    }),
  );
});
