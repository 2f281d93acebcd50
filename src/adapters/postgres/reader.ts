import { hash } from 'node:crypto';
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts';
import type { InboxMessage, JournalReader, PoolReader, RunHolder, RunRow, Snapshot } from '../../engines/ports.ts';
import type { JournalRow } from '../../ir/events.ts';
import { type LeaseRow, standingOf } from '../journal-rows/leases.ts';
import type { ProcessFacts } from '../sqlite/lease.ts';
import type { Link } from './link.ts';
import { readPools } from './pools.ts';
import { EVENT_COLUMNS } from './rows.ts';

/** Rows fetched at once: what is read of a long journal need not fit into memory. */
const PAGE_ROWS = 1_000;

const OF_RUN = `SELECT ${EVENT_COLUMNS} FROM events WHERE run = $1`;

/** All questions that can be asked of a journal, over a connection that writes nothing. */
export class PostgresReader implements JournalReader, PoolReader {
  readonly #link: Link;
  readonly #here: ProcessFacts | null;

  constructor(link: Link, here: ProcessFacts | null) {
    this.#link = link;
    this.#here = here;
  }

  async *read(
    run: string,
    { stream, after_position = 0, limit = Number.POSITIVE_INFINITY }: Parameters<JournalReader['read']>[1] = {},
  ): AsyncGenerator<JournalRow> {
    let last = { position: after_position, seq: 0 };
    for (let left = limit; left > 0; left -= PAGE_ROWS) {
      const size = Math.min(PAGE_ROWS, left);
      const page =
        stream === undefined
          ? await this.#rows(`${OF_RUN} AND position > $2 ORDER BY position LIMIT $3`, run, last.position, size)
          : await this.#rows(
              // In a stream, the order of seq is that of position, and there is an index on it.
              `${OF_RUN} AND stream = $2 AND seq > $3 AND position > $4 ORDER BY seq LIMIT $5`,
              ...[run, stream, last.seq, last.position, size],
            );
      yield* page;
      if (page.length < size) return;
      last = page[page.length - 1]!;
    }
  }

  async head(run: string, stream: string): Promise<{ seq: number; hash: string } | null> {
    const row = await this.last(run, stream);
    return row === null ? null : { seq: row.seq, hash: row.hash };
  }

  async last(run: string, stream?: string): Promise<JournalRow | null> {
    const [row] =
      stream === undefined
        ? await this.#rows(`${OF_RUN} ORDER BY position DESC LIMIT 1`, run)
        : await this.#rows(`${OF_RUN} AND stream = $2 ORDER BY seq DESC LIMIT 1`, run, stream);
    return row ?? null;
  }

  async runs(): Promise<readonly RunRow[]> {
    const columns = 'run, name, lock_sha256, request_sha256, created_ms';
    return this.#link.ask<RunRow>(`SELECT ${columns} FROM runs ORDER BY created_ms, run`);
  }

  async identity(): Promise<string | null> {
    const [row] = await this.#link.ask<{ identity: string }>('SELECT identity FROM expctl_store');
    return row?.identity ?? null;
  }

  async usesOf(request_sha256: string): Promise<number> {
    const text = 'SELECT count(*) AS uses FROM approval_uses WHERE request_sha256 = $1';
    const [row] = await this.#link.ask<{ uses: number }>(text, [request_sha256]);
    return row!.uses;
  }

  async inbox(run: string): Promise<readonly InboxMessage[]> {
    const text = 'SELECT id, run, kind, body FROM inbox WHERE run = $1 ORDER BY id';
    const rows = await this.#link.ask<Omit<InboxMessage, 'body'> & { body: string }>(text, [run]);
    return rows.map((row) => ({ ...row, body: objectIn(row.body) }));
  }

  async holder(run: string): Promise<RunHolder> {
    const text = 'SELECT machine, boot, namespace, pid, started FROM leases WHERE run = $1';
    const [row] = await this.#link.ask<Omit<LeaseRow, 'fence'>>(text, [run]);
    return standingOf(row, this.#here);
  }

  async pools(): ReturnType<PoolReader['pools']> {
    return readPools((text, values) => this.#link.ask(text, values));
  }

  async snapshot(run: string): Promise<Snapshot | null> {
    const text = 'SELECT position, sha256, body FROM snapshots WHERE run = $1';
    const [row] = await this.#link.ask<Snapshot & { readonly sha256: string }>(text, [run]);
    if (row === undefined || hash('sha256', row.body) !== row.sha256) return null;
    return { position: row.position, body: row.body };
  }

  async smallArtifact(sha256: string): Promise<Uint8Array | null> {
    const text = 'SELECT bytes FROM small_artifacts WHERE sha256 = $1';
    const [row] = await this.#link.ask<{ readonly bytes: Buffer }>(text, [sha256]);
    return row?.bytes ?? null;
  }

  async close(): Promise<void> {
    await this.#link.close();
  }

  #rows(text: string, ...values: readonly unknown[]): Promise<JournalRow[]> {
    return this.#link.ask<JournalRow>(text, values);
  }
}

/** A message that holds no object, whoever wrote it, says nothing: whoever reads it refuses it, and goes on. */
function objectIn(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as Json;
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
