import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { profileFor, pragmasOf } from '../../src/adapters/sqlite/profile.ts';
import Database from 'better-sqlite3';
import { serve } from './program.ts';

/** About the size of an event in the journal, in bytes. */
const ROW = 'x'.repeat(350);

/** Contestant: what the disk allows. Single rows, each in a commit of its own that is on the disk when it returns. `commits FOLDER` */
const [folder = ''] = process.argv.slice(2);

await serve<{ workflows: number; steps: number }>(async ({ workflows, steps }) => {
  const store = mkdtempSync(join(folder, 'commits-'));
  const database = new Database(join(store, 'rows.sqlite'));
  for (const [name, value] of pragmasOf(profileFor(null))) database.pragma(`${name} = ${value}`);
  database.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT NOT NULL)');
  const insert = database.prepare('INSERT INTO rows (body) VALUES (?)');
  const begun = performance.now();
  for (let row = 0; row < workflows * steps; row += 1) insert.run(ROW);
  const seconds = (performance.now() - begun) / 1000;
  database.close();
  rmSync(store, { recursive: true });
  return { seconds };
});
