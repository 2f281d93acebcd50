import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { HOSTILE } from './cases.ts';

/** What Node, tsx and the texts of the cases take, plus the 64 MB that reading may take. */
const HEAP_MB = 24 + 64;
/** For all; a run on an idle machine takes a quarter of it. Only there so that a case that never ends is told as such. */
const TIME_LIMIT_MS = 600_000;

interface Line {
  readonly name: string;
  readonly codes: readonly string[];
  readonly count: number;
}

function child(argv: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: TIME_LIMIT_MS });
}

test(
  'one process survives every hostile file, three times each, in little memory, and says why it is refused',
  { timeout: TIME_LIMIT_MS },
  () => {
    const script = fileURLToPath(new URL('./child.ts', import.meta.url));
    const { status, stdout, stderr } = child([`--max-old-space-size=${HEAP_MB}`, '--import', 'tsx', script]);
    const lines = stdout.split('\n').filter((line) => line !== '');
    const seen = lines.map((line) => JSON.parse(line) as Line);
    expect(seen.map(({ name, codes }) => [name, codes[0]])).toEqual(HOSTILE.map(({ name, code }) => [name, code]));
    expect(Math.max(...seen.map(({ count }) => count))).toBe(101);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  },
);

// Later releases of Node may have more room for compiling a regular expression on a deep stack.
if (process.versions.node.startsWith('20.')) {
  test('without the guard the same files abort the process: the guard is still needed', () => {
    const code = `import { parseDocument } from 'yaml';
      for (let time = 0; time < 10; time++) try { parseDocument('['.repeat(5000)); } catch {}
      console.log('survived');`;
    const { signal, stdout } = child(['--input-type=module', '--eval', code]);
    expect({ signal, stdout }).toEqual({ signal: 'SIGABRT', stdout: '' });
  });
}
