import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { ApprovedProject, type ProjectCopy } from '../power-cut/approved-project.ts';
import { looksLikeDefect, runUnder, runWithFaults } from '../power-cut/faulty-process.ts';

/** `EXPCTL_ALL_FAULTS=1` lets every single call fail, not every few. */
const EVERY = process.env['EXPCTL_ALL_FAULTS'] === '1' ? 1 : 4;
const NOBODY = 65_534;
const IS_ROOT = process.getuid?.() === 0;

let project: ApprovedProject;
let copies = 0;

beforeAll(async () => {
  project = await new ApprovedProject().prepare();
});
afterAll(() => project.remove());

function freshCopy(): ProjectCopy {
  copies += 1;
  return project.copy(join(project.root, `copy-${copies}`));
}

/** Fails at each n-th call in turn, until nothing fails any more; after each the run is gone on with. */
async function failAtEach(
  faults: (n: number) => string,
  { paths = [], every = EVERY }: { readonly paths?: readonly string[]; readonly every?: number },
  check: (outcome: ReturnType<typeof runWithFaults>) => void,
): Promise<number> {
  for (let n = 1, done = 0; ; n += every, done += 1) {
    const copy = freshCopy();
    const outcome = runWithFaults(project, copy, faults(n), paths);
    if (outcome.fault === null) return done;
    expect(looksLikeDefect(outcome.stderr), outcome.stderr).toBe(false);
    check(outcome);
    expect(await copy.problems(), outcome.fault).toEqual([]);
    expect(await copy.finish(), outcome.fault).toEqual([]);
    rmSync(copy.folder, { recursive: true });
  }
}

describe('a full disk', () => {
  const disk = (): string => join(project.root, 'disk');

  beforeAll(() => {
    mkdirSync(disk());
    if (IS_ROOT) execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', disk()]);
  });
  afterAll(() => {
    if (IS_ROOT) execFileSync('umount', [disk()]);
  });

  test('stops a run wherever it fills up, and the run goes on once there is room', async ({ skip }) => {
    if (!IS_ROOT) skip('only root may mount a small file system');
    let pages = 0;
    for (; ; pages += 1) {
      const copy = project.copy(join(disk(), 'project'));
      fill(disk(), pages);
      const { status, stderr } = await copy.run(copy.startArgs());
      rmSync(join(disk(), 'filler'));
      if (status !== 0) {
        expect(status, stderr).toBe(7);
        expect(stderr).toMatch(/disk/);
        expect(looksLikeDefect(stderr), stderr).toBe(false);
        expect(await copy.problems(), `${pages} pages`).toEqual([]);
        expect(await copy.finish(), `${pages} pages`).toEqual([]);
      }
      rmSync(copy.folder, { recursive: true });
      if (status === 0) break;
    }
    console.log(`full disk: ${pages} moments, from none to the last page that a run needs`);
    expect(pages).toBeGreaterThan(40);
  });

  test('that is full when the store is made leaves one that can be used later', async ({ skip }) => {
    if (!IS_ROOT) skip('only root may mount a small file system');
    const copy = project.copy(join(disk(), 'made-full'));
    mkdirSync(copy.store);
    writeFileSync(copy.journal, '');
    expect(openReader(copy.store)).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } });
    expect(await copy.run(['list'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('There is no journal'),
    });
    expect(await copy.finish()).toEqual([]);
    rmSync(copy.folder, { recursive: true });
  });

  test('is found by each write to the journal that fails', async () => {
    const paths = ['journal.sqlite', 'journal.sqlite-wal', 'journal.sqlite-journal'];
    const failed = await failAtEach(
      (n) => `pwrite64,ftruncate:error=ENOSPC:when=${n}`,
      { paths, every: 2 * EVERY },
      ({ status, fault }) => {
        expect([0, 7], fault ?? '').toContain(status);
      },
    );
    expect(failed).toBeGreaterThan(30 / EVERY);
  });

  test('is found when there is no room for a folder', async () => {
    const failed = await failAtEach(
      (n) => `mkdir:error=ENOSPC:when=${n}`,
      {},
      ({ status, stderr }) => {
        // Behind the end of the run there is only a checkpoint, of which it is told when it cannot be written.
        const isLast = stderr.includes('A checkpoint of the journal was not written');
        expect(status, stderr).toBe(isLast ? 0 : 7);
      },
    );
    expect(failed).toBeGreaterThan(0);
  });
});

function fill(disk: string, pages_left: number): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(join(disk, 'filler'), Buffer.alloc((bavail - pages_left) * bsize));
}

describe('a sync that fails once', () => {
  const faults = (n: number): string => `fsync,fdatasync:error=EIO:when=${n}`;

  test('ends the run, wherever it is', async () => {
    const failed = await failAtEach(faults, {}, ({ status, fault, told_after, stderr }) => {
      if (status !== 0) return expect(status, stderr).toBe(7);
      // A trial of the disk that did not work out, or SQLite's own sync of the folder, before that of expctl; else everything had been
      // told and was durable.
      if (!/probe-|checkpoints|\.expctl>/.test(fault ?? '')) expect(told_after, fault ?? '').toEqual([]);
    });
    expect(failed).toBeGreaterThan(16 / EVERY);
  });

  test('of the log: nothing is told after it, and the journal is not touched again', async () => {
    let in_run = 0;
    const failed = await failAtEach(
      faults,
      { paths: ['journal.sqlite-wal'], every: Math.ceil(EVERY / 2) },
      (outcome) => {
        const { status, fault, told_after, journal_after, stderr } = outcome;
        expect(fault).toMatch(/journal\.sqlite-wal>/);
        expect(told_after, fault ?? '').toEqual([]);
        if (status === 0) return; // the last of all, when everything had been told and was durable
        in_run += 1;
        expect(status, stderr).toBe(7);
        expect(journal_after, fault ?? '').toEqual([]);
      },
    );
    expect(failed - in_run).toBeLessThanOrEqual(1);
    expect(in_run).toBeGreaterThan(2);
  });
});

describe('what may not be written to', () => {
  test.each(['.', '.expctl', '.expctl/cas', '.expctl/cas/tmp'])('the folder %s: nothing is sent', (folder) => {
    const copy = freshCopy();
    mkdirSync(join(copy.folder, folder), { recursive: true });
    // Who signed may read; who runs may not write. Root may always write.
    execFileSync('chmod', ['-R', 'a+rX', project.root]);
    if (IS_ROOT) execFileSync('chown', ['-R', String(NOBODY), copy.folder]);
    chmodSync(join(copy.folder, folder), 0o555);
    const ids = `${NOBODY}`;
    const { status, stderr } = runUnder(
      IS_ROOT ? ['setpriv', `--reuid=${ids}`, `--regid=${ids}`, '--clear-groups'] : ['env'],
      project,
      copy,
    );
    expect(status, stderr).toBe(7);
    expect(stderr).toMatch(/permission denied/);
    expect(looksLikeDefect(stderr), stderr).toBe(false);
    expect(copy.sentKeys()).toEqual([]);
  });

  test('a journal: nothing is sent', async () => {
    const copy = freshCopy();
    expect(await copy.run(copy.startArgs())).toMatchObject({ status: 0 });
    const sent = copy.sentKeys().length;
    execFileSync('chmod', ['-R', 'a+rX', project.root]);
    for (const file of [copy.store, copy.journal]) chmodSync(file, 0o555);
    const argv: [string, ...string[]] = IS_ROOT ? ['setpriv', `--reuid=${NOBODY}`, '--clear-groups'] : ['env'];
    const { status, stderr } = runUnder(argv, project, copy);
    expect([3, 7], stderr).toContain(status);
    expect(looksLikeDefect(stderr), stderr).toBe(false);
    expect(copy.sentKeys()).toHaveLength(sent);
    for (const file of [copy.store, copy.journal]) chmodSync(file, 0o755);
  });
});

describe('too few open files', () => {
  test.each([24, 32, 48, 64, 80, 90, 95])('%i', async (files) => {
    const copy = freshCopy();
    const { status, stderr } = runUnder(['prlimit', `--nofile=${files}:${files}`], project, copy);
    if (status !== 0) expect(status, stderr).toBe(7);
    expect(looksLikeDefect(stderr), stderr).toBe(false);
    expect(await copy.problems()).toEqual([]);
    expect(await copy.finish()).toEqual([]);
  });

  test('to start a tool: no point is lost for it', async () => {
    for (const faults of ['socketpair:error=EMFILE:when=2+', 'socketpair:error=EMFILE:when=6']) {
      const copy = freshCopy();
      const { status, stderr, fault } = runWithFaults(project, copy, faults);
      expect(fault).not.toBeNull();
      expect([0, 7], stderr).toContain(status);
      expect(looksLikeDefect(stderr), stderr).toBe(false);
      expect(await copy.problems()).toEqual([]);
      expect(await copy.finish(), faults).toEqual([]);
    }
  });
});

test('strace is there to let calls fail', () => {
  expect(spawnSync('strace', ['-V']).status).toBe(0);
});
