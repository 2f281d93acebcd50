import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Problems } from '../../src/provenance/verdicts.ts';
import { RowVerifier } from '../../src/provenance/verify-rows.ts';
import { readGolden } from './file.ts';

/* What `verify` says of rows, it says of those that were recorded too: no build finds anything in them. */

const names = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.journal.jsonl'));

test.each(names)('%s is as it was written', (name) => {
  const { rows } = readGolden(readFileSync(new URL(name, import.meta.url), 'utf8'));
  const problems = new Problems();
  const verifier = new RowVerifier(problems);
  for (const row of rows) verifier.take(row);
  expect(problems.told).toEqual([]);
  expect(verifier.rows).toBe(rows.length);
  expect(verifier.points).toBeGreaterThan(5);
});
