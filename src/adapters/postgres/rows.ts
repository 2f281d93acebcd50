import { ExpctlError } from '../../base/error.ts';
import { sha256Text } from '../../engines/digest.ts';
import type { Lease } from '../../engines/ports.ts';
import { type ChainHead, holds } from '../../ir/chain.ts';
import type { JournalRow } from '../../ir/events.ts';
import { addNumbered } from '../journal-rows/numbered-events.ts';
import { Sequel } from '../journal-rows/sequel.ts';
import type { Query } from './link.ts';
import type { Wish } from './wish.ts';

type Content = Pick<JournalRow, 'type' | 'body'>;
type NewRow = Omit<JournalRow, 'position'>;

export const EVENT_COLUMNS = 'run, stream, seq, position, type, body, observed, wall_ms, fence, prev, hash';

const HEADS = `SELECT e.* FROM unnest($1::text[], $2::text[]) AS s (run, stream)
  CROSS JOIN LATERAL (SELECT ${EVENT_COLUMNS} FROM events
    WHERE events.run = s.run AND events.stream = s.stream ORDER BY seq DESC LIMIT 1) AS e`;
const CONTENTS = `SELECT run, stream, seq, type, body FROM events
  JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS s (run, stream, seq) USING (run, stream, seq)`;
/** Positions follow on those of the run: nobody else adds any, for its lease is locked. */
const INSERT = `INSERT INTO events (${EVENT_COLUMNS})
  SELECT n.run, n.stream, n.seq, n.nth + coalesce((SELECT max(position) FROM events AS e WHERE e.run = n.run), 0),
    n.type, n.body, n.observed, n.wall_ms, n.fence, n.prev, n.hash
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[],
    $10::text[], $11::text[]) AS n (run, stream, seq, nth, type, body, observed, wall_ms, fence, prev, hash)
  ORDER BY n.run, n.nth
  RETURNING run, stream, seq, position`;

/**
 * The rows that a transaction adds to the runs whose leases it holds. What is needed of those that are there is read at once for all
 * wishes; then each one adds its own, in memory, and all are inserted by one statement.
 */
export class NewRows {
  readonly #heads: ReadonlyMap<string, JournalRow>;
  readonly #contents: ReadonlyMap<string, Content>;
  /** Of this transaction, by place. */
  readonly #added = new Map<string, NewRow>();
  readonly #ends = new Map<string, ChainHead>();

  private constructor(heads: ReadonlyMap<string, JournalRow>, contents: ReadonlyMap<string, Content>) {
    this.#heads = heads;
    this.#contents = contents;
  }

  static async prepare(query: Query, wishes: readonly Wish[]): Promise<NewRows> {
    const heads = await headsOf(query, wishes);
    return new NewRows(heads, await contentsOf(query, wishes, heads));
  }

  /** A wish's rows, or why they are refused; `add` then counts them in. */
  sequelOf({ lease, tails = [] }: Wish): { readonly sequel: Sequel; readonly refusal: ExpctlError | null } {
    const sequel = new Sequel(lease, (stream) => this.#standing(lease, stream));
    const stored = (stream: string, seq: number) => {
      const place = placeOf(lease.run, stream, seq);
      return this.#added.get(place) ?? this.#contents.get(place);
    };
    return { sequel, refusal: addNumbered(sequel, tails, stored) };
  }

  add({ chained }: Sequel): void {
    for (const { row } of chained) {
      this.#added.set(placeOf(row.run, row.stream, row.seq), row);
      this.#ends.set(streamOf(row.run, row.stream), row);
    }
  }

  /** @returns positions by place */
  async insert(query: Query): Promise<(row: NewRow) => JournalRow> {
    const rows = [...this.#added.values()];
    const nth = new Map<string, number>();
    const next = (run: string) => nth.set(run, (nth.get(run) ?? 0) + 1).get(run)!;
    const positions = new Map<string, number>();
    if (rows.length > 0) {
      const column = <K extends keyof NewRow>(name: K): NewRow[K][] => rows.map((row) => row[name]);
      const written = await query<Pick<JournalRow, 'run' | 'stream' | 'seq' | 'position'>>(INSERT, [
        ...[column('run'), column('stream'), column('seq'), rows.map(({ run }) => next(run)), column('type')],
        ...[column('body'), column('observed'), column('wall_ms'), column('fence'), column('prev'), column('hash')],
      ]);
      for (const { run, stream, seq, position } of written) positions.set(placeOf(run, stream, seq), position);
    }
    return (row) => ({ ...row, position: positions.get(placeOf(row.run, row.stream, row.seq))! });
  }

  #standing({ run }: Lease, stream: string): ChainHead | null {
    const end = this.#ends.get(streamOf(run, stream));
    if (end !== undefined) return end;
    const row = this.#heads.get(streamOf(run, stream));
    if (row === undefined) return null;
    if (holds(row, sha256Text)) return { seq: row.seq, hash: row.hash };
    const hint = `Run \`expctl replay ${run}\` to see what was changed; restore the journal from a backup.`;
    throw new ExpctlError('EVIDENCE_BROKEN', `Row ${row.seq} of ${stream} of run ${run} was changed`, { hint });
  }
}

/** The last rows of all streams that the wishes go on with, or name the head of. */
async function headsOf(query: Query, wishes: readonly Wish[]): Promise<Map<string, JournalRow>> {
  const streams = new Map<string, readonly [run: string, stream: string]>();
  for (const { lease, tails = [] } of wishes) {
    for (const { stream, events } of tails) {
      const ends = events.flatMap((event) => (event.ends === null ? [] : [event.ends]));
      for (const one of [stream, ...ends]) streams.set(streamOf(lease.run, one), [lease.run, one]);
    }
  }
  if (streams.size === 0) return new Map();
  const asked = [...streams.values()];
  const rows = await query<JournalRow>(HEADS, [asked.map(([run]) => run), asked.map(([, stream]) => stream)]);
  return new Map(rows.map((row) => [streamOf(row.run, row.stream), row]));
}

/** What stands where a wish says again what may have been written before. */
async function contentsOf(
  query: Query,
  wishes: readonly Wish[],
  heads: ReadonlyMap<string, JournalRow>,
): Promise<Map<string, Content>> {
  const places: (readonly [run: string, stream: string, seq: number])[] = [];
  for (const { lease, tails = [] } of wishes) {
    for (const { stream, first_seq, events } of tails) {
      const last = heads.get(streamOf(lease.run, stream))?.seq ?? 0;
      for (let seq = first_seq; seq < first_seq + events.length && seq <= last; seq++) {
        if (Number.isSafeInteger(seq)) places.push([lease.run, stream, seq]);
      }
    }
  }
  if (places.length === 0) return new Map();
  const asked = [places.map(([run]) => run), places.map(([, stream]) => stream), places.map(([, , seq]) => seq)];
  const rows = await query<Content & Pick<JournalRow, 'run' | 'stream' | 'seq'>>(CONTENTS, asked);
  return new Map(rows.map((row) => [placeOf(row.run, row.stream, row.seq), row]));
}

function streamOf(run: string, stream: string): string {
  return JSON.stringify([run, stream]);
}

function placeOf(run: string, stream: string, seq: number): string {
  return JSON.stringify([run, stream, seq]);
}
