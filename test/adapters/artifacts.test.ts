import { createHash } from 'node:crypto';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openArtifacts } from '../../src/adapters/artifacts.ts';
import { journalFile } from '../../src/adapters/sqlite/database.ts';
import { openJournal } from '../../src/adapters/sqlite/journal.ts';
import type { JournalStore, Lease } from '../../src/engines/ports.ts';
import { began, processFacts, runRow, STARTED, StillClock, temporaryFolder } from './sqlite/support.ts';

/* Where the artifacts of a store lie: small ones in its journal, committed with the event that names them; all others in files. */

const A: Lease = { run: 'a', fence: 1 };
const BYTES = Buffer.from('a result\n');
const SHA256 = createHash('sha256').update(BYTES).digest('hex');

/** A store with run `a`, performed by this process. */
async function performed(): Promise<{ folder: string; journal: JournalStore }> {
  const folder = temporaryFolder();
  const journal = openJournal(folder, { clock: new StillClock(), process: processFacts(1, [1]) });
  onTestFinished(() => journal.close());
  await journal.createRun(runRow('a'), 1, [STARTED]);
  return { folder, journal };
}

function fileOf(folder: string, sha256: string): string {
  return join(folder, 'cas', 'sha256', sha256.slice(0, 2), sha256.slice(2));
}

/** What lies in the table, as somebody who may write the file made it. */
function forge(folder: string, bytes: Uint8Array): void {
  const database = new Database(journalFile(folder));
  database.exec('DROP TRIGGER small_artifacts_hold');
  database.prepare('UPDATE small_artifacts SET bytes = ?').run(bytes);
  database.close();
}

describe('a small content', () => {
  test('is there at once for the process that keeps it, and for others with the next commit', async () => {
    const { folder, journal } = await performed();
    const [mine, others] = [openArtifacts(folder, journal), openArtifacts(folder)];
    expect(await mine.put(BYTES)).toEqual({ sha256: SHA256, bytes: BYTES.length });
    expect(await mine.get(SHA256)).toEqual({ ok: true, value: BYTES });
    expect(await others.has(SHA256)).toBe(false);
    await journal.append(A, [began(1)]);
    expect(await others.get(SHA256)).toEqual({ ok: true, value: BYTES });
    expect(existsSync(join(folder, 'cas'))).toBe(false);
  });

  test.each([0, 4095])('of %i bytes lies in the journal, from 4096 on in a file', async (bytes) => {
    const { folder, journal } = await performed();
    const artifacts = openArtifacts(folder, journal);
    const { sha256 } = await artifacts.put(Buffer.alloc(bytes, 1));
    expect(existsSync(fileOf(folder, sha256))).toBe(false);
    const large = await artifacts.put(Buffer.alloc(4096, 1));
    expect(existsSync(fileOf(folder, large.sha256))).toBe(true);
  });

  test('that was altered in the journal is found, and mended by the step that makes it again', async () => {
    const { folder, journal } = await performed();
    const artifacts = openArtifacts(folder, journal);
    await artifacts.put(BYTES);
    await journal.append(A, [began(1)]);
    forge(folder, Buffer.from('a  forgery'));
    expect(await openArtifacts(folder).get(SHA256)).toMatchObject({ ok: false, error: { code: 'ARTIFACT_CORRUPT' } });
    await artifacts.put(BYTES);
    await journal.append(A, [began(2)]);
    expect(await openArtifacts(folder).get(SHA256)).toEqual({ ok: true, value: BYTES });
  });

  test('of which a file is altered is read from the journal', async () => {
    const { folder, journal } = await performed();
    await openArtifacts(folder).put(BYTES);
    chmodSync(fileOf(folder, SHA256), 0o644);
    writeFileSync(fileOf(folder, SHA256), 'a  forgery');
    const artifacts = openArtifacts(folder, journal);
    expect(await artifacts.get(SHA256)).toMatchObject({ ok: false, error: { code: 'ARTIFACT_CORRUPT' } });
    await artifacts.put(BYTES);
    expect(await artifacts.get(SHA256)).toEqual({ ok: true, value: BYTES });
  });

  test('that changes while it waits for its commit is kept as it was', async () => {
    const { folder, journal } = await performed();
    const artifacts = openArtifacts(folder, journal);
    const bytes = Buffer.from(BYTES);
    await artifacts.put(bytes);
    bytes.fill(0);
    await journal.append(A, [began(1)]);
    expect(await openArtifacts(folder).get(SHA256)).toEqual({ ok: true, value: BYTES });
  });

  test('that waits for its commit when the journal is closed is kept', async () => {
    const { folder, journal } = await performed();
    await openArtifacts(folder, journal).put(BYTES);
    await journal.close();
    expect(await openArtifacts(folder).get(SHA256)).toEqual({ ok: true, value: BYTES });
  });
});
