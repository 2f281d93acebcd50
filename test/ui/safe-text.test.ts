import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fencedText, safeLines, safeText } from '../../src/ui/safe-text.ts';

describe('text that somebody else wrote', () => {
  test.each([
    ['\u001b[2J', '\\u{1B}[2J'],
    ['\u001b]52;c;aGk=\u0007', '\\u{1B}]52;c;aGk=\\u{7}'],
    ['\u009b31m', '\\u{9B}31m'],
    ['a\u202eb', 'a\\u{202E}b'],
    ['a\u200bb', 'a\\u{200B}b'],
    ['\u{e0041}', '\\u{E0041}'],
    ['a\ufe0f', 'a\\u{FE0F}'],
    ['a\nb', 'a\\u{A}b'],
    ['a\u2028b', 'a\\u{2028}b'],
    ['Ø 5 mm, 20 °C, 翼', 'Ø 5 mm, 20 °C, 翼'],
  ])('%j is shown as %j', (text, shown) => expect(safeText(text)).toBe(shown));

  test('lines stay lines, a tab is space', () => {
    expect(safeLines('a\r\n\tb\nc\r')).toEqual(['a', '    b', 'c\\u{D}']);
  });

  test('holds nothing that a terminal obeys or a reader cannot see, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(safeText(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
  });
});

describe('the last fence before the terminal', () => {
  test.each([
    ['\u001b[32m✔\u001b[39m done\n\tmore\r\n', '\u001b[32m✔\u001b[39m done\n\tmore\r\n'],
    ['a\u001b]0;title\u0007b', 'a\\u{1B}]0;title\\u{7}b'],
    ['hidden \u001b[8m text\u001b[2J', 'hidden \\u{1B}[8m text\\u{1B}[2J'],
    ['over\rwritten', 'over\\u{D}written'],
    ['a\u202eb\u009b', 'a\\u{202E}b\\u{9B}'],
  ])('%j gets through as %j', (text, shown) => expect(fencedText(text)).toBe(shown));
});
