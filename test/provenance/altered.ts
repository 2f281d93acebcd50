import { cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../src/adapters/sqlite/database.ts';
import type { Json, JsonObject } from '../../src/base/json.ts';
import { effectKey } from '../../src/engines/effect-key.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import { genesis, rowPreimage } from '../../src/ir/chain.ts';
import type { EffectIntended, JournalRow } from '../../src/ir/events.ts';
import { type Recorded, sha256Of } from './recorded.ts';

/** A row that may be changed. */
export type Draft = { -readonly [K in keyof JournalRow]: JournalRow[K] };

export function drafts(rows: readonly JournalRow[]): Draft[] {
  return rows.map((row) => ({ ...row }));
}

/** Changes fields of a row's event. */
export function edit(row: Draft, change: (body: JsonObject) => void): void {
  const body = JSON.parse(row.body) as JsonObject;
  change(body);
  row.body = canonicalJson(body);
}

/** Places of rows of a type, optionally in one stream. */
export function findRows(
  rows: readonly Draft[],
  type: string,
  where: (body: JsonObject, row: Draft) => boolean = () => true,
): number[] {
  return rows.flatMap((row, at) => (row.type === type && where(JSON.parse(row.body) as JsonObject, row) ? [at] : []));
}

/**
 * Makes a whole journal consistent again, as somebody would who owns the disk: positions, sequence numbers, effect keys, heads of
 * points, and every hash of every chain. Nothing about it shows that it was changed, but for what follows from the lock.
 */
export function restamp(rows: readonly Draft[], options: { keep_keys?: boolean } = {}): JournalRow[] {
  const heads = new Map<string, { seq: number; hash: string }>();
  return rows.map((row, index) => {
    const { run, stream, type, body, wall_ms, fence } = row;
    const head = heads.get(stream) ?? { seq: 0, hash: genesis(run, stream, sha256Of) };
    const observed = observedAgain(row, (other) => heads.get(other)?.hash ?? null, options.keep_keys === true);
    const content = { run, stream, seq: head.seq + 1, type, body, observed, wall_ms, fence, prev: head.hash };
    const hash = sha256Of(rowPreimage(content));
    heads.set(stream, { seq: content.seq, hash });
    return { ...content, position: index + 1, hash };
  });
}

function observedAgain(
  { run, stream, type, body, observed }: Draft,
  headOf: (stream: string) => string | null,
  keep_keys: boolean,
): string {
  const fields = JSON.parse(observed) as JsonObject;
  const event = JSON.parse(body) as JsonObject & EffectIntended;
  if (type === 'point.finished') fields['head'] = headOf(`point/${String((event as JsonObject)['point'])}`);
  if (type === 'effect.intended' && !keep_keys)
    fields['key'] = effectKey(run, Number(stream.slice('point/'.length)), event);
  return canonicalJson(fields as Json);
}

/** Writes rows as the only run of a new store beside a copy of the recorded one's artifacts; returns the folder of its project. */
export function storeOf(
  recorded: Recorded,
  rows: readonly JournalRow[],
  options: { performed?: 'elsewhere' | 'by nobody' } = {},
): string {
  const project = mkdtempSync(join(tmpdir(), 'expctl-altered-'));
  const store = join(project, '.expctl');
  mkdirSync(store);
  cpSync(join(recorded.store, 'cas'), join(store, 'cas'), { recursive: true });
  const database = openDatabase(store);
  const { run, lock, lock_sha256, request_sha256 } = recorded;
  database.prepare('INSERT INTO runs VALUES (?, ?, ?, ?, ?)').run(run, lock.name, lock_sha256, request_sha256, 0);
  database.prepare('INSERT INTO approval_uses VALUES (?, 1, ?)').run(request_sha256, run);
  database.prepare("INSERT INTO leases VALUES (?, 1, 'bench', '', '', 1, 'now', 0)").run(run);
  insertRows(database, rows);
  if (options.performed !== 'elsewhere') database.prepare('UPDATE leases SET pid = NULL').run();
  database.close();
  return project;
}

/** More rows of the run, as the process that performs it would append them. */
export function appendRows(project: string, rows: readonly JournalRow[]): void {
  const database = openDatabase(join(project, '.expctl'));
  insertRows(database, rows);
  database.close();
}

/** Rows as they are. */
export function insertRows(database: ReturnType<typeof openDatabase>, rows: readonly JournalRow[]): void {
  const insert = database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  database.transaction(() => {
    for (const row of rows) {
      const { position, stream, seq, type, body, observed, wall_ms, fence, prev, hash } = row;
      insert.run(position, row.run, stream, seq, type, body, observed, wall_ms, fence, prev, hash);
    }
  })();
}
