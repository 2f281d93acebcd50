import { describe, expect, test } from 'vitest';
import { cut, renderColumns } from '../../src/ui/columns.ts';
import { plural, shownBytes, shownDuration, shownNumber, shownTime } from '../../src/ui/format.ts';

describe('numbers and times as people read them', () => {
  test.each([
    [0.1 + 0.2, '0.3'],
    [1234567.891, '1234570'],
    [123456789, '123456789'],
    [1e21, '1e+21'],
    [-0.00001234567, '-0.0000123457'],
    [2.5e-9, '2.5e-9'],
  ])('%d is %s', (value, shown) => expect(shownNumber(value)).toBe(shown));

  test.each([
    [0.25, '250 ms'],
    [12.04, '12 s'],
    [59.96, '60 s'],
    [200, '3 min 20 s'],
    [7500, '2 h 5 min'],
    [3600, '1 h'],
    [273_600, '3 d 4 h'],
  ])('%d s is %s', (seconds, shown) => expect(shownDuration(seconds)).toBe(shown));

  test('instants, bytes, counts', () => {
    expect(shownTime(Date.UTC(2026, 0, 31, 12))).toBe('2026-01-31 12:00:00Z');
    expect([999, 1500, 2_340_000].map(shownBytes)).toEqual(['999 B', '1.5 kB', '2.3 MB']);
    expect([plural(1, 'job'), plural(0, 'job'), plural(2, 'entry', 'entries')]).toEqual([
      '1 job',
      '0 jobs',
      '2 entries',
    ]);
  });
});

describe('columns', () => {
  test('are as wide as what is in them, wide characters counted', () => {
    const columns = [{ title: 'name' }, { title: 'mass [kg]', right: true }];
    expect(
      renderColumns(columns, [
        ['翼', '1.5'],
        ['spar', '10'],
      ]),
    ).toEqual(['name  mass [kg]', '翼          1.5', 'spar         10']);
  });

  test('cut says that something is left out, and never exceeds the width', () => {
    expect([cut('abcdef', 6), cut('abcdef', 5), cut('翼翼翼', 5)]).toEqual(['abcdef', 'abcd…', '翼翼…']);
  });
});
