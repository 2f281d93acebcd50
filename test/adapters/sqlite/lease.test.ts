import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import {
  clusterHolder,
  clusterOf,
  holderState,
  parseProcStat,
  type ProcessFacts,
} from '../../../src/adapters/sqlite/lease.ts';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import type { JournalStore } from '../../../src/engines/ports.ts';
import { granted, processFacts, rowsOf, runRow, STARTED, StillClock, temporaryFolder } from './support.ts';

function openAs(folder: string, process: ProcessFacts): JournalStore {
  return openJournal(folder, { clock: new StillClock(), process });
}

/** The run `a`, performed by process 1. */
async function heldByOne(folder: string): Promise<JournalStore> {
  const journal = openAs(folder, processFacts(1, [1]));
  await journal.createRun(runRow('a'), 1, [STARTED]);
  return journal;
}

describe('the state of a holder', () => {
  const holder = { machine: 'bench', boot: 'boot-1', namespace: 'pid:1', pid: 1, started: 'start of 1' };
  test.each<[string, Partial<ProcessFacts>, 'live' | 'dead' | 'unknown']>([
    ['lives', { startedOf: () => 'start of 1' }, 'live'],
    ['is gone', { startedOf: () => null }, 'dead'],
    ['has a number that another process has now', { startedOf: () => 'start of another' }, 'dead'],
    ['is of another user, and hidden', { startedOf: () => 'hidden' }, 'unknown'],
    ['was on this machine before it began anew', { boot: 'boot-2', startedOf: () => 'start of 1' }, 'dead'],
    ['is in another container', { namespace: 'pid:2', startedOf: () => null }, 'unknown'],
    ['is on another machine', { machine: 'other', startedOf: () => null }, 'unknown'],
    ['is on another machine of another boot', { machine: 'other', boot: 'boot-2' }, 'unknown'],
  ])('that %s', (_what, here, state) => {
    expect(holderState(holder, processFacts(2, [2], here))).toBe(state);
  });

  test('that is a cluster lives, wherever it is', () => {
    const cluster = clusterHolder({ engine: 'temporal', place: 'localhost:7233/default' });
    expect(cluster).toEqual({
      ...holder,
      machine: 'temporal:localhost:7233/default',
      boot: '',
      namespace: '',
      pid: 0,
      started: '',
    });
    expect(holderState(cluster, processFacts(2, [2]))).toBe('live');
    expect(clusterOf(cluster)).toEqual({ engine: 'temporal', place: 'localhost:7233/default' });
    expect(clusterOf({ ...cluster, pid: 1 })).toBeNull();
    expect(clusterOf({ ...cluster, machine: 'bench' })).toBeNull();
  });
});

describe('/proc/PID/stat', () => {
  const fields = '1 2 2 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 8881 0 0';
  test.each([
    [`7 (node) S ${fields}`, '8881'],
    [`7 (a) R (b) c) R ${fields}`, '8881'],
    [`7 (node) Z ${fields}`, null],
    ['7 (node) S 1', null],
    ['', null],
  ])('%s', (text, started) => expect(parseProcStat(text)).toBe(started));
});

describe('this process', () => {
  test('sees itself, and not a child that ended', async () => {
    const here = thisProcess();
    expect(holderState(here, here)).toBe('live');
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
    await once(child, 'spawn');
    const started = here.startedOf(child.pid!);
    expect(started).toMatch(/\d/);
    expect(holderState({ ...here, pid: child.pid!, started: String(started) }, here)).toBe('live');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(holderState({ ...here, pid: child.pid!, started: String(started) }, here)).toBe('dead');
  });
});

describe('leases', () => {
  test('a live one is refused, with the number of its process', async () => {
    const folder = temporaryFolder();
    await heldByOne(folder);
    const second = openAs(folder, processFacts(2, [1, 2]));
    for (const options of [{}, { take_over: true }]) {
      expect(await second.acquire('a', options)).toMatchObject({
        ok: false,
        error: { code: 'RUN_LOCKED', message: expect.stringContaining('process 1 on bench'), details: { pid: 1 } },
      });
    }
  });

  test('this process does not take its own twice', async () => {
    const journal = await heldByOne(temporaryFolder());
    expect(await journal.acquire('a')).toMatchObject({ ok: false, error: { code: 'RUN_LOCKED' } });
  });

  test('one of a dead process is taken silently, and its fence rises', async () => {
    const folder = temporaryFolder();
    await heldByOne(folder);
    expect(await openAs(folder, processFacts(2, [2])).acquire('a')).toEqual({
      ok: true,
      value: { run: 'a', fence: 2 },
    });
    expect(await openAs(folder, processFacts(3, [3])).acquire('a')).toEqual({
      ok: true,
      value: { run: 'a', fence: 3 },
    });
  });

  test("another machine's is taken only where a person says so", async () => {
    const folder = temporaryFolder();
    await heldByOne(folder);
    const elsewhere = openAs(folder, processFacts(2, [2], { machine: 'other' }));
    expect(await elsewhere.acquire('a')).toMatchObject({
      ok: false,
      error: { code: 'RUN_LOCKED', hint: expect.stringContaining('--take-over') },
    });
    expect(await elsewhere.acquire('a', { take_over: true })).toEqual({ ok: true, value: { run: 'a', fence: 2 } });
  });

  test('a released one is free for everybody, with a higher fence', async () => {
    const folder = temporaryFolder();
    const journal = await heldByOne(folder);
    await journal.release({ run: 'a', fence: 1 });
    expect(await openAs(folder, processFacts(2, [1, 2])).acquire('a')).toEqual({
      ok: true,
      value: { run: 'a', fence: 2 },
    });
    await journal.release({ run: 'a', fence: 1 }); // an old holder's second release frees nothing
    expect(await openAs(folder, processFacts(3, [2, 3])).acquire('a')).toMatchObject({ ok: false });
  });

  test('a run that is not there is not found', async () => {
    const journal = openAs(temporaryFolder(), processFacts(1, [1]));
    expect(await journal.acquire('b')).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } });
  });

  test('a holder that was replaced is refused, alone, and the journal stays usable', async () => {
    const folder = temporaryFolder();
    const first = await heldByOne(folder);
    const old = { run: 'a', fence: 1 };
    await first.createRun(runRow('b', 'request-2'), 1, [STARTED]);
    const second = openAs(folder, processFacts(2, [2]));
    await second.acquire('a');
    await second.append({ run: 'a', fence: 2 }, [granted(1)]);
    const [stale, fine] = await Promise.allSettled([
      first.append(old, [granted(1)]),
      first.append({ run: 'b', fence: 1 }, [granted(1)]),
    ]);
    expect(stale).toMatchObject({
      status: 'rejected',
      reason: { code: 'RUN_LOCKED', message: expect.stringContaining('process 2') },
    });
    expect(fine.status).toBe('fulfilled');
    expect((await rowsOf(second, 'a')).map(({ fence }) => fence)).toEqual([1, 2]);
  });

  test('nothing is appended under a released lease or to a run that is not there', async () => {
    const journal = await heldByOne(temporaryFolder());
    await journal.release({ run: 'a', fence: 1 });
    await expect(journal.append({ run: 'a', fence: 1 }, [granted(1)])).rejects.toMatchObject({ code: 'RUN_LOCKED' });
    await expect(journal.append({ run: 'b', fence: 1 }, [granted(1)])).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('what was queued before a release is still appended', async () => {
    const journal = await heldByOne(temporaryFolder());
    const append = journal.append({ run: 'a', fence: 1 }, [granted(1)]);
    await journal.release({ run: 'a', fence: 1 });
    expect(await append).toHaveLength(1);
  });
});
