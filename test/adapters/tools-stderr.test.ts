import { expect, test } from 'vitest';
import { StderrRing } from '../../src/adapters/tools-stderr.ts';

function told(...chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const ring = new StderrRing((line) => lines.push(line));
  for (const chunk of chunks) ring.push(chunk);
  ring.end();
  return lines;
}

test('a last line without an end is told when the tool has ended, and only then', () => {
  expect(told(Buffer.from('one\ntwo'))).toEqual(['one', 'two']);
  expect(told(Buffer.from('one\n'))).toEqual(['one']);
  expect(told()).toEqual([]);
});

test('a character that comes in two pieces is one', () => {
  const bytes = Buffer.from('Spannung σ\n');
  const pieces = Array.from(bytes, (byte) => Buffer.from([byte]));
  expect(told(...pieces)).toEqual(['Spannung σ']);
  expect(told(bytes.subarray(0, -2))).toEqual(['Spannung \u{FFFD}']);
});
