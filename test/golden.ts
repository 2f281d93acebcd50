import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** Compares with test/golden/NAME. `UPDATE_GOLDEN=1` rewrites it; the change is reviewed in the diff. */
export function assertGolden(name: string, actual: string): void {
  const file = fileURLToPath(new URL(`./golden/${name}`, import.meta.url));
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, actual);
  }
  expect(actual, `${name} changed; set UPDATE_GOLDEN=1 and review the diff`).toBe(readFileSync(file, 'utf8'));
}
