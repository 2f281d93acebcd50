import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { ProcessGroup } from '../../src/adapters/tools-group.ts';
import { runningGroups } from './tools-project.ts';

/** A shell that ends well, and leaves behind what does not obey SIGTERM. */
const LEAVES = 'trap "" TERM; (trap "" TERM; sleep 60) > /dev/null 2>&1 < /dev/null & exit 0';

test('what 150 programs leave behind at once is ended in little more time than what one does', async () => {
  const began = performance.now();
  const env = { PATH: process.env['PATH'] ?? '' };
  const groups = Array.from({ length: 150 }, () => {
    const group = new ProcessGroup({ argv: ['/bin/sh', '-c', LEAVES], cwd: '/', env });
    group.child?.stdout.resume();
    group.child?.stderr.resume();
    return group;
  });
  const pids = groups.map(({ pid }) => pid!);
  const ends = await Promise.all(groups.map(({ ended }) => ended));
  expect(ends).toEqual(Array(150).fill({ status: 0, signal: null, not_started: null }));
  expect(performance.now() - began).toBeLessThan(8_000);
  const running = runningGroups();
  expect(pids.filter((pid) => running?.has(pid))).toEqual([]);
}, 60_000);
