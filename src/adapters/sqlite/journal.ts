import type Database from 'better-sqlite3';
import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type {
  InboxMessage,
  JournalStore,
  Lease,
  NewEvent,
  PoolGrant,
  PoolReader,
  RunRow,
  Snapshot,
} from '../../engines/ports.ts';
import { prepareEvent } from '../../engines/prepared-event.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import type { JournalRow } from '../../ir/events.ts';
import { runNotFound } from '../journal-rows/leases.ts';
import { journalFile, openDatabase } from './database.ts';

import { News } from './news.ts';
import { type JournalDeps, SqliteStore } from './store.ts';

/** The journal of a folder (`.expctl`); the file is opened, and made, when it is first needed. */
export function openJournal(folder: string, deps: JournalDeps): JournalStore & PoolReader {
  return new SqliteJournal(() => openDatabase(folder), journalFile(folder), deps);
}

/** The journal of a process that performs runs by itself (J1 to J3 of `SqliteStore`). */
export class SqliteJournal extends SqliteStore implements JournalStore {
  readonly #news: News;

  constructor(open: () => Database.Database, file: string, deps: JournalDeps) {
    super(open, file, deps);
    this.#news = new News(this.connection, this.clock);
  }

  async createRun(
    run: RunRow,
    max_runs: number,
    first: readonly NewEvent[],
    pools: Readonly<Record<string, number>> = {},
  ): Promise<Result<Lease>> {
    return this.begin({ run, max_runs, first, pools, cluster: null });
  }

  async acquire(run: string, { take_over = false }: { take_over?: boolean } = {}): Promise<Result<Lease>> {
    return this.connection.transaction(({ leases, events }) => {
      events.forget(run);
      return leases.acquire(run, this.clock.now_ms(), { take_over });
    });
  }

  async holds(lease: Lease): Promise<Result<void>> {
    const lost = this.connection.ask(({ leases }) => leases.lost(lease));
    return lost === null ? ok(undefined) : err(lost);
  }

  async append(lease: Lease, events: readonly NewEvent[]): Promise<readonly JournalRow[]> {
    this.connection.refuseIfBroken();
    const now_ms = this.clock.now_ms();
    const prepared = events.map((event) => prepareEvent(event, now_ms));
    return this.queue.call(lease, (session) => {
      const rows = session.events.write(lease, prepared);
      this.log.appended(rows.length);
      if (prepared.some(({ type }) => type === 'run.finished')) session.pools.end(lease.run);
      return ok(() => rows);
    });
  }

  async keepSnapshot(lease: Lease, snapshot: Snapshot): Promise<void> {
    return this.queue.keepSnapshot(lease, snapshot);
  }

  async post(run: string, kind: InboxMessage['kind'], body: JsonObject): Promise<number> {
    const text = canonicalJson(body);
    const id = this.connection.transaction(({ database, reader }) => {
      if (!reader.hasRun(run)) return null;
      return database.prepare('INSERT INTO inbox (run, kind, body) VALUES (?, ?, ?)').run(run, kind, text)
        .lastInsertRowid;
    });
    if (id === null) throw runNotFound(run);
    this.#news.posted();
    return Number(id);
  }

  async acknowledge(lease: Lease, id: number): Promise<void> {
    const lost = this.connection.transaction(({ database, leases }) => {
      const lost = leases.lost(lease);
      if (lost === null) database.prepare('DELETE FROM inbox WHERE id = ?').run(id);
      return lost;
    });
    if (lost !== null) throw lost;
  }

  onInbox(lease: Lease, callback: () => void): () => void {
    return this.#news.onInbox(lease, callback);
  }

  onTokens(lease: Lease, callback: (granted: readonly PoolGrant[]) => void): () => void {
    return this.#news.onTokens(lease, callback);
  }
}
