import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { journalFile } from '../../../src/adapters/sqlite/database.ts';
import type { ProcessFacts } from '../../../src/adapters/sqlite/lease.ts';
import type { Clock, JournalReader, NewEvent, RunRow } from '../../../src/engines/ports.ts';
import { type ChainReport, verifyChain } from '../../../src/ir/chain.ts';
import { type JournalRow, pointStream } from '../../../src/ir/events.ts';

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'expctl-journal-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A clock that stands still; `tick` fires the timers that wait. */
export class StillClock implements Clock {
  #waiting: (() => void)[] = [];

  monotonic_ms(): number {
    return this.now_ms();
  }

  now_ms(): number {
    return 1_700_000_000_000;
  }

  after(_seconds: number, fire: () => void): () => void {
    this.#waiting.push(fire);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== fire);
    };
  }

  tick(): void {
    const due = this.#waiting;
    this.#waiting = [];
    for (const fire of due) fire();
  }
}

/** Process `pid` of a machine on which the processes of `alive` live. */
export function processFacts(pid: number, alive: readonly number[], other: Partial<ProcessFacts> = {}): ProcessFacts {
  const startedOf = (asked: number): string | null => (alive.includes(asked) ? `start of ${asked}` : null);
  return { machine: 'bench', boot: 'boot-1', namespace: 'pid:1', pid, started: `start of ${pid}`, startedOf, ...other };
}

export function runRow(run: string, request = 'request-1'): RunRow {
  return { run, name: 'beam', lock_sha256: 'lock-1', request_sha256: request, created_ms: 1_700_000_000_000 };
}

export const STARTED: NewEvent = {
  stream: 'study',
  event: { type: 'run.started', semantics: 1, lock_sha256: 'lock-1', request_sha256: 'request-1', approvals: [] },
  observed: {},
};

export function began(point: number): NewEvent {
  return { stream: pointStream(point), event: { type: 'point.began', point, values: { width: 5.5 } }, observed: {} };
}

export function granted(point: number, step = 'solve'): NewEvent {
  return { stream: pointStream(point), event: { type: 'step.granted', step }, observed: {} };
}

export function finished(point: number): NewEvent {
  const result = { status: 'succeeded', metrics: { mass: 1.25 }, feasible: true, failure: null, calls: 4 } as const;
  return { stream: 'study', event: { type: 'point.finished', point, result }, observed: { host: 'bench' } };
}

export async function rowsOf(journal: JournalReader, run: string): Promise<JournalRow[]> {
  const rows: JournalRow[] = [];
  for await (const row of journal.read(run)) rows.push(row);
  return rows;
}

export async function chainOf(journal: JournalReader, run: string): Promise<ChainReport> {
  return verifyChain(await rowsOf(journal, run), (text) => createHash('sha256').update(text).digest('hex'));
}

/**
 * Counts the commits in a write-ahead log that was not reset.
 *
 * Source: sqlite.org/fileformat2.html, section 4.1: 32 bytes of header, then frames of 24 bytes and a page; the second word of a
 * frame is not zero in the last frame of a commit.
 */
export function commitsInLog(folder: string): number {
  const log = readFileSync(`${journalFile(folder)}-wal`);
  const page_bytes = log.readUInt32BE(8);
  let commits = 0;
  for (let frame = 32; frame + 24 + page_bytes <= log.length; frame += 24 + page_bytes) {
    // Frames behind the last reset carry another salt.
    if (log.compare(log, 16, 24, frame + 8, frame + 16) === 0 && log.readUInt32BE(frame + 4) !== 0) commits += 1;
  }
  return commits;
}
