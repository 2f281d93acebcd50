import { hash } from 'node:crypto';
import type Database from 'better-sqlite3';
import { ExpctlError } from '../../base/error.ts';
import type { Lease, NewEvent } from '../../engines/ports.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import { genesis, rowPreimage } from '../../ir/chain.ts';
import { type JournalRow, type Observed, pointStream, type RunEvent } from '../../ir/events.ts';
import type { SqliteReader } from './reader.ts';

/** An event in canonical form, with the time at which it was handed over. */
export interface PreparedEvent {
  readonly stream: string;
  readonly type: RunEvent['type'];
  readonly body: string;
  readonly observed: Observed;
  readonly observed_text: string;
  /** The stream that ends with this event, for `point.finished`. */
  readonly ends: string | null;
  readonly wall_ms: number;
}

interface Head {
  seq: number;
  hash: string;
}

/** Everything that can be wrong with an event is found here, before it can spoil the commit of others. */
export function prepareEvent({ stream, event, observed }: NewEvent, wall_ms: number): PreparedEvent {
  if (!Number.isSafeInteger(wall_ms)) throw new TypeError(`the clock says ${wall_ms} ms`);
  const { type, ...body } = event;
  const ends = event.type === 'point.finished' ? pointStream(event.point) : null;
  return { stream, type, body: canonicalJson(body), observed, observed_text: canonicalJson(observed), ends, wall_ms };
}

/**
 * Inserts events as chained rows, within a transaction that the caller opened. Keeps the head of every stream in use; they hold
 * as long as this process holds the run's lease, for nobody else appends then.
 */
export class EventWriter {
  readonly #reader: SqliteReader;
  readonly #insert: Database.Statement;
  readonly #heads = new Map<string, Map<string, Head>>();

  constructor(database: Database.Database, reader: SqliteReader) {
    this.#reader = reader;
    const columns = 'run, stream, seq, type, body, observed, wall_ms, fence, prev, hash';
    this.#insert = database.prepare(`INSERT INTO events (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  }

  write({ run, fence }: Lease, events: readonly PreparedEvent[]): JournalRow[] {
    const heads = this.#headsOf(run);
    return events.map((event) => {
      const row = this.#insertRow(heads, run, fence, event);
      // A finished point's stream is not touched again; at most points in flight have a head in memory.
      if (event.ends !== null) heads.delete(event.ends);
      return row;
    });
  }

  /** Forgets what is known of a run: another process may have appended since. */
  forget(run: string): void {
    this.#heads.delete(run);
  }

  #insertRow(heads: Map<string, Head>, run: string, fence: number, event: PreparedEvent): JournalRow {
    const { stream, type, body, wall_ms, ends } = event;
    const observed = ends === null ? event.observed_text : this.#withHead(heads, run, ends, event.observed);
    const head = this.#head(heads, run, stream) ?? { seq: 0, hash: genesis(run, stream, sha256) };
    const seq = head.seq + 1;
    const content = { run, stream, seq, type, body, observed, wall_ms, fence, prev: head.hash };
    const digest = sha256(rowPreimage(content));
    const args = [run, stream, seq, type, body, observed, wall_ms, fence, head.hash, digest];
    const position = Number(this.#insert.run(...args).lastInsertRowid);
    heads.set(stream, { seq, hash: digest });
    return { ...content, position, hash: digest };
  }

  #withHead(heads: Map<string, Head>, run: string, stream: string, observed: Observed): string {
    return canonicalJson({ ...observed, head: this.#head(heads, run, stream)?.hash ?? null });
  }

  #head(heads: Map<string, Head>, run: string, stream: string): Head | null {
    const known = heads.get(stream);
    if (known !== undefined) return known;
    const row = this.#reader.lastRow(run, stream);
    if (row === undefined) return null;
    if (sha256(rowPreimage(row)) !== row.hash) {
      const hint = `Run \`expctl replay ${run}\` to see what was changed; restore the journal from a backup.`;
      throw new ExpctlError('EVIDENCE_BROKEN', `Row ${row.seq} of ${stream} of run ${run} was changed`, { hint });
    }
    const head = { seq: row.seq, hash: row.hash };
    heads.set(stream, head);
    return head;
  }

  #headsOf(run: string): Map<string, Head> {
    let heads = this.#heads.get(run);
    if (heads === undefined) {
      heads = new Map();
      this.#heads.set(run, heads);
    }
    return heads;
  }
}

function sha256(text: string): string {
  return hash('sha256', text);
}
