import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { cliDocument } from '../../scripts/docs.ts';
import { ERROR_CODES } from '../../src/base/error.ts';
import { EXIT_CODES } from '../../src/commands/exit-codes.ts';
import { TestApp } from '../commands/support.ts';

const FILE = fileURLToPath(new URL('../../docs/cli.md', import.meta.url));
const app = () => new TestApp({ cwd: '/' }, '/');

test('docs/cli.md is what the commands say of themselves', async () => {
  const text = await cliDocument(app().app);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(FILE, text);
  expect(text, 'docs/cli.md changed; set UPDATE_GOLDEN=1 and review the diff').toBe(readFileSync(FILE, 'utf8'));
});

/** Pairs of status and error code, by the lines of a text: a status stands until the next one. */
function pairsIn(text: string, status: RegExp, code: RegExp): string[] {
  let current = '';
  return text.split('\n').flatMap((line) => {
    current = status.exec(line)?.[1] ?? current;
    const found = code.exec(line)?.[1];
    return found === undefined ? [] : [`${current} ${found}`];
  });
}

test('exit statuses and error codes are the same in the source, in help, and in the docs', async () => {
  const source = Object.entries(ERROR_CODES).map(([code, { exit }]) => `${exit} ${code}`);
  const { stdout: help, status } = await app().run(['help', 'exit-codes']);
  expect(status).toBe(0);
  expect(pairsIn(help, /^(\d+) /, /^ +([A-Z_]+) /).sort()).toEqual([...source].sort());
  const docs = readFileSync(FILE, 'utf8');
  expect(pairsIn(docs, /^\| (\d+) \|/, /^\| \| `([A-Z_]+)` \|/).sort()).toEqual([...source].sort());
  const { stdout: top } = await app().run(['--help']);
  const statuses = [...top.slice(top.indexOf('Exit status')).matchAll(/^ {2}(\d+) +(.+)$/gm)].map(
    ([, number, means]) => `${number} ${means}`,
  );
  expect(statuses).toEqual(EXIT_CODES.map(({ status: number, means }) => `${number} ${means}`));
});
