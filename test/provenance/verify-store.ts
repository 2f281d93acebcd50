import { createHash, createPrivateKey, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { journalFile } from '../../src/adapters/sqlite/database.ts';
import { sha256Of } from './recorded.ts';
import { BuiltInKey } from '../../src/approval/ed25519.ts';
import type { JournalRow } from '../../src/ir/events.ts';

/*
 * Hands of somebody who owns the disk: changes a store past its triggers, and puts them back. And checkpoints, made without any of the
 * code that makes or reads them.
 */

/** Works on the journal of a store without its triggers; unless they are to stay off, they are put back as they were. */
export function tamper(
  store: string,
  work: (database: Database.Database) => void,
  triggers: 'kept' | 'lost' = 'kept',
): void {
  const database = new Database(journalFile(store));
  try {
    database.pragma('synchronous = off');
    database.pragma('foreign_keys = off');
    const rows = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all();
    const all = rows as { name: string; sql: string }[];
    database.transaction(() => {
      for (const { name } of all) database.exec(`DROP TRIGGER ${name}`);
      work(database);
      if (triggers === 'kept') for (const { sql } of all) database.exec(sql);
    })();
  } finally {
    database.close();
  }
}

/** RFC 6962, section 2.1, as it is defined: recursively, over all leaves. */
export function merkleRoot(leaves: readonly Uint8Array[]): Buffer {
  const hash = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (leaves.length === 0) return hash();
  if (leaves.length === 1) return hash(Buffer.from([0]), leaves[0]!);
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return hash(Buffer.from([1]), merkleRoot(leaves.slice(0, k)), merkleRoot(leaves.slice(k)));
}

export function rootOf(rows: readonly Pick<JournalRow, 'hash'>[]): string {
  return merkleRoot(rows.map(({ hash }) => Buffer.from(hash, 'hex'))).toString('base64');
}

/** A service key of the tests, made from bytes that everybody knows; PKCS #8 of RFC 8410, section 7. */
export function serviceKey(byte: number) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, byte)]);
  const object = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { raw } = new BuiltInKey(object);
  return {
    object,
    raw,
    pem: object.export({ format: 'pem', type: 'pkcs8' }).toString(),
    entry: Buffer.from(raw).toString('base64'),
  };
}

export type ServiceKey = ReturnType<typeof serviceKey>;

/** The checkpoint of the first rows of a run, as a signed note. */
export function noteOf(rows: readonly JournalRow[], key: ServiceKey, time: string, run = rows[0]!.run): string {
  const name = `expctl/journal/${run}`;
  const last = rows.at(-1);
  const lines = [name, String(rows.length), rootOf(rows), `time ${time}`, 'at interval'];
  if (last !== undefined) lines.push(`last ${last.stream}/${last.seq} ${last.hash} ${last.position}`);
  const text = lines.map((line) => `${line}\n`).join('');
  const id = sha256Of(Buffer.concat([Buffer.from(`${name}\n\u0001`), key.raw])).slice(0, 8);
  const signature = Buffer.concat([Buffer.from(id, 'hex'), sign(null, Buffer.from(text), key.object)]);
  return `${text}\n— ${name} ${signature.toString('base64')}\n`;
}

/** Puts a file of checkpoints where the store keeps its own, and the key's public half beside it. */
export function keepCheckpoints(store: string, run: string, notes: readonly string[], key: ServiceKey): void {
  mkdirSync(join(store, 'checkpoints'), { recursive: true });
  writeFileSync(join(store, 'checkpoints', `${run}.checkpoint`), notes.join('\n'));
  writeFileSync(join(store, 'engine.pub'), `{"ed25519":"${key.entry}"}\n`);
}
