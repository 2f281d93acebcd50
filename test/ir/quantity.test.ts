import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Unit } from '../../src/ir/quantity.ts';
import {
  convert,
  DIMENSIONLESS,
  divideUnits,
  isDimensionless,
  multiplyUnits,
  parseQuantity,
  parseUnit,
  powerUnit,
  sameDimension,
} from '../../src/ir/quantity.ts';
import { unitSymbols } from '../../src/ir/units.ts';

function unit(text: string): Unit {
  const result = parseUnit(text);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function problem(result: { ok: boolean; error?: string }): string {
  return result.ok ? 'no problem' : result.error!;
}

/** Printed factors, with the digits that are printed: NIST SP 811 (2008), appendix B.8; CODATA 2018 for eV. */
const PUBLISHED: readonly (readonly [string, string, number])[] = [
  ['in', 'mm', 25.4],
  ['ft', 'm', 0.3048],
  ['yd', 'm', 0.9144],
  ['mi', 'km', 1.609344],
  ['nmi', 'm', 1852],
  ['mil', 'um', 25.4],
  ['angstrom', 'nm', 0.1],
  ['ha', 'm^2', 1e4],
  ['gal', 'L', 3.785412],
  ['in^2', 'cm^2', 6.4516],
  ['ft^3', 'm^3', 2.831685e-2],
  ['in^4', 'm^4', 4.162314e-7],
  ['lb', 'kg', 0.45359237],
  ['oz', 'g', 28.34952],
  ['slug', 'kg', 14.5939],
  ['slug/ft^3', 'kg/m^3', 515.3788],
  ['lb/ft^3', 'kg/m^3', 16.01846],
  ['lb/in^3', 'kg/m^3', 27679.9],
  ['lbf', 'N', 4.448222],
  ['kip', 'kN', 4.448222],
  ['kgf', 'N', 9.80665],
  ['dyn', 'N', 1e-5],
  ['lbf/in', 'N/m', 175.1268],
  ['lbf*ft', 'N*m', 1.355818],
  ['psi', 'kPa', 6.894757],
  ['ksi', 'MPa', 6.894757],
  ['lbf/ft^2', 'Pa', 47.88026],
  ['atm', 'kPa', 101.325],
  ['torr', 'Pa', 133.3224],
  ['mmHg', 'Pa', 133.3224],
  ['bar', 'kPa', 100],
  ['Btu', 'J', 1055.056],
  ['cal', 'J', 4.184],
  ['kWh', 'MJ', 3.6],
  ['eV', 'J', 1.602177e-19],
  ['hp', 'W', 745.6999],
  ['deg', 'rad', 1.745329e-2],
  ['arcmin', 'rad', 2.908882e-4],
  ['arcsec', 'rad', 4.848137e-6],
  ['rpm', 'rad/s', 0.1047198],
  ['mph', 'km/h', 1.609344],
  ['kn', 'm/s', 0.5144444],
  ['P', 'Pa*s', 0.1],
  ['St', 'm^2/s', 1e-4],
  ['Ah', 'C', 3600],
  ['d', 's', 86400],
  ['Btu/h', 'W', 0.2930711],
];

describe('units', () => {
  test.each(PUBLISHED)('1 %s is as many %s as published', (from, to, factor) => {
    expect(Math.abs(convert(1, unit(from), unit(to)) / factor - 1)).toBeLessThan(5e-7);
  });

  test('named units are the products that define them', () => {
    const definitions: [string, string][] = [
      ['N', 'kg*m/s^2'],
      ['Pa', 'N/m^2'],
      ['J', 'N*m'],
      ['W', 'J/s'],
      ['C', 'A*s'],
      ['V', 'W/A'],
      ['ohm', 'V/A'],
      ['S', 'A/V'],
      ['F', 'C/V'],
      ['Wb', 'V*s'],
      ['T', 'Wb/m^2'],
      ['H', 'Wb/A'],
      ['lx', 'lm/m^2'],
      ['Gy', 'J/kg'],
      ['kat', 'mol/s'],
      ['L', 'dm^3'],
      ['t', 'Mg'],
      ['Hz', '1/s'],
      ['psi', 'lbf/in^2'],
      ['rev', '360*deg'],
    ];
    for (const [name, product] of definitions.slice(0, -1)) {
      expect(sameDimension(unit(name), unit(product)), name).toBe(true);
      expect(convert(1, unit(name), unit(product)), name).toBe(1);
    }
    expect(convert(1, unit('rev'), unit('deg'))).toBe(360);
    expect(convert(60, unit('rpm'), unit('deg/s'))).toBe(360);
  });

  test('a change of prefix only moves the decimal point', () => {
    expect(convert(200, unit('mm'), unit('m'))).toBe(0.2);
    expect(convert(0.2, unit('m'), unit('mm'))).toBe(200);
    expect(convert(0.57, unit('m'), unit('cm'))).toBe(57);
    expect(convert(25.4, unit('mm'), unit('in'))).toBe(1);
    expect(convert(90, unit('s'), unit('min'))).toBe(1.5);
    expect(convert(7.85, unit('g/cm^3'), unit('kg/m^3'))).toBe(7850);
  });

  test('decimals of 15 digits come back exactly over prefixes', () => {
    const lengths = ['nm', 'um', 'mm', 'cm', 'm', 'km', 'Gm'].map(unit);
    const decimal = fc.tuple(
      fc.integer({ min: -999_999_999_999_999, max: 999_999_999_999_999 }),
      fc.integer({ min: -20, max: 5 }),
    );
    fc.assert(
      fc.property(decimal, fc.constantFrom(...lengths), fc.constantFrom(...lengths), ([digits, ten], from, to) => {
        const value = Number(`${digits}e${ten}`);
        expect(convert(convert(value, from, to), to, from)).toBe(value);
      }),
    );
  });

  test('any conversion comes back within rounding', () => {
    const symbols = unitSymbols().map(unit);
    fc.assert(
      fc.property(
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        fc.constantFrom(...symbols),
        fc.constantFrom(...symbols),
        (value, a, b) => {
          if (!sameDimension(a, b)) return;
          expect(Math.abs(convert(convert(value, a, b), b, a) / value - 1)).toBeLessThan(2e-15);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('every symbol is read, and its text is read again as itself', () => {
    for (const symbol of unitSymbols()) {
      expect(unit(symbol).text).toBe(symbol);
      expect(Number.isFinite(unit(symbol).scale) && unit(symbol).scale > 0).toBe(true);
    }
    for (const text of ['kg/m^3', 'N*m', 'W/(m*K)', '1/s', 'm/s^2', 'mm^0.5', '1/(m*s)', '1'])
      expect(unit(text).text).toBe(text);
  });

  test('other ways to write a unit', () => {
    const same: [string, string][] = [
      ['', '1'],
      [' N * m ', 'N*m'],
      ['m^-1', '1/m'],
      ['(m/s)^2', 'm^2/s^2'],
      ['m^(1/2)', 'm^0.5'],
      ['\u00b5m', 'um'],
      ['k\u03a9', 'kohm'],
      ['mm\u00b2', 'mm^2'],
      ['N\u00b7m', 'N*m'],
      ['\u00b0', 'deg'],
      ['J/kg/K', 'J/(kg*K)'],
      ['m/m', '1'],
    ];
    for (const [written, text] of same) expect(unit(written).text).toBe(text);
  });

  test('what is no unit is refused with a sentence', () => {
    const sentences: [string, string][] = [
      ['degC', 'write the temperature in K'],
      ['\u00b0C', 'write the temperature in K'],
      ['degF', 'write the temperature in K'],
      ['W/degC', 'write the temperature in K'],
      ['dB', 'logarithmic'],
      ['mpa', 'Did you mean `MPa`?'],
      ['newton', 'Did you mean `N`?'],
      ['newtn', 'Did you mean `N`?'],
      ['Nm', 'Did you mean `N*m`?'],
      ['kph', 'Did you mean `km/h`?'],
      ['furlongs', 'There is no unit `furlongs`'],
      ['m2', '`m^2`'],
      ['m**2', '`^`'],
      ['N m', '`*`'],
      ['W/m*K', 'not clear'],
      ['m^3/2', 'must begin with a symbol'],
      ['m^', 'not expected'],
      ['m^99', 'between -24 and 24'],
      ['m^0.3', 'multiple of 1/2'],
      ['(m', 'A `)` is missing'],
      ['m)', 'not expected'],
      ['m/', 'missing at its end'],
      ['Ym^24', 'out of range'],
      ['constructor', 'no unit'],
      ['__proto__', 'not a unit'],
      ['toString', 'no unit'],
      [`${'('.repeat(40)}m${')'.repeat(40)}`, 'too many parentheses'],
      ['m*'.repeat(200), 'at most 200 characters'],
    ];
    for (const [text, part] of sentences) expect(problem(parseUnit(text)), text).toContain(part);
  });

  test('products, quotients and powers merge equal symbols', () => {
    expect(multiplyUnits(unit('N/m'), unit('m'))?.text).toBe('N');
    expect(divideUnits(unit('N'), unit('mm^2'))?.text).toBe('N/mm^2');
    expect(divideUnits(unit('mm'), unit('mm'))).toBe(DIMENSIONLESS);
    expect(powerUnit(unit('mm^2'), 0.5)?.text).toBe('mm');
    expect(powerUnit(unit('mm'), 0.25)).toBeNull();
    expect(powerUnit(unit('mm'), 25)).toBeNull();
    expect(isDimensionless(unit('mm/m'))).toBe(true);
    expect(convert(5, unit('mm/m'), DIMENSIONLESS)).toBe(0.005);
  });

  test('converting between dimensions is a bug of the caller', () => {
    expect(() => convert(1, unit('mm'), unit('N'))).toThrow(RangeError);
  });

  test('no text makes the reader throw', () => {
    const soup = fc
      .array(fc.constantFrom('m', 'kg', '%', '^', '2', '-', '/', '*', '(', ')', '1', '.', ' ', '\u00b0', '\ud83d'))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 300 })), (text) => {
        const result = parseUnit(text);
        if (result.ok) expect(unit(result.value.text).dimension).toEqual(result.value.dimension);
        else expect(result.error).toMatch(/[.?]$/);
        parseQuantity(text);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('quantities', () => {
  test.each([
    ['100 N', 100, 'N'],
    ['7850 kg/m^3', 7850, 'kg/m^3'],
    ['2', 2, '1'],
    ['1e-3 mm', 0.001, 'mm'],
    ['-2.5mm', -2.5, 'mm'],
    ['+.5 m', 0.5, 'm'],
    ['5%', 5, '%'],
    ['100 1/s', 100, '1/s'],
    ['-0 mm', 0, 'mm'],
  ])('%s', (text, value, unitText) => {
    const result = parseQuantity(text);
    expect(result.ok && [result.value.value, result.value.unit.text]).toEqual([value, unitText]);
  });

  test.each([
    ['', 'not a number with a unit'],
    ['N', 'not a number with a unit'],
    ['NaN mm', 'not a number with a unit'],
    ['1,5 mm', 'decimal point'],
    ['1_000 N', 'no separators'],
    ['1e999 N', 'too large'],
    ['20 degC', 'write the temperature in K'],
    ['5 mmm', 'Did you mean'],
    [`${'9'.repeat(300)}`, 'at most 200'],
  ])('%s is refused', (text, part) => {
    expect(problem(parseQuantity(text))).toContain(part);
  });
});
