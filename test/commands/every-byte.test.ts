import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SquareProject } from './square-project.ts';

test('`run` of a lock with any one byte flipped ends with 3, and nothing is started', async () => {
  const project = await new SquareProject().approve();
  const path = join(project.project, project.lock);
  const lock = readFileSync(path);
  const other = new Map<number, number>();
  for (let at = 0; at < lock.length; at += 1) {
    const flipped = Buffer.from(lock);
    flipped[at]! ^= 1 << (at % 8);
    writeFileSync(path, flipped);
    const { status } = await project.run('run', project.lock, '--trust', project.trust);
    if (status !== 3) other.set(at, status);
  }
  expect([...other]).toEqual([]);
  expect(lock.length).toBeGreaterThan(2000);
  expect(existsSync(join(project.counts, 'calls.log'))).toBe(false);
  expect(existsSync(join(project.project, '.expctl', 'journal.sqlite'))).toBe(false);
  writeFileSync(path, lock);
  expect((await project.run('run', project.lock, '--trust', project.trust)).status, 'the lock itself runs').toBe(5);
}, 600_000);
