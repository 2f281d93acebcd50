import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/adapters/sqlite/database.ts';
import { ok } from '../../src/base/result.ts';
import type { App } from '../../src/commands/app.ts';
import { Checkpoints } from '../../src/commands/checkpoints.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import { insertRows } from '../provenance/altered.ts';
import { rootOf, tamper } from '../provenance/verify-store.ts';
import { TestApp } from './support.ts';

/* When checkpoints are made: rows are put into a real store and told, as an engine would tell them, in a time that only the test moves. */

const RUN = 'long';

class Told {
  readonly root = mkdtempSync(join(tmpdir(), 'expctl-interval-'));
  readonly store = join(this.root, '.expctl');
  readonly file = join(this.store, 'checkpoints', `${RUN}.checkpoint`);
  readonly rows: JournalRow[] = [];
  readonly shown: number[] = [];
  readonly notices: string[] = [];
  readonly app: App;
  #timers: { seconds: number; fire: () => void }[] = [];

  constructor() {
    onTestFinished(() => rmSync(this.root, { recursive: true }));
    openDatabase(this.store).close();
    const { app } = new TestApp({ cwd: this.root, now_ms: Date.UTC(2026, 0, 31) }, this.root);
    const after: App['clock']['after'] = (seconds, fire) => {
      const timer = { seconds, fire };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      };
    };
    this.app = { ...app, clock: { ...app.clock, after } };
  }

  open(resumes = false): Promise<Checkpoints> {
    return Checkpoints.open(this.app, { run: RUN, store: this.store, resumes }, {});
  }

  /** So many more rows, of this run and between them of another one. */
  add(count: number, type = 'step.granted', body = '{}'): JournalRow[] {
    const made = Array.from({ length: count }, (): JournalRow => {
      const seq = this.rows.length + 1;
      const hash = createHash('sha256').update(`${seq}`).digest('hex');
      const row = {
        run: RUN,
        stream: 'study',
        seq,
        position: 3 * seq,
        type,
        body,
        observed: '{}',
        wall_ms: 0,
        fence: 1,
        prev: '',
        hash,
      };
      this.rows.push(row as JournalRow);
      return row as JournalRow;
    });
    const others = made.map((row) => ({ ...row, run: 'other', position: row.position + 1 }));
    tamper(this.store, (database) => insertRows(database, [...made, ...others]));
    return made;
  }

  tell(checkpoints: Checkpoints): (row: JournalRow) => void {
    return checkpoints.before({
      onRow: ({ seq }) => this.shown.push(seq),
      onNotice: (text) => this.notices.push(text),
    });
  }

  pass(): number {
    const [timer] = this.#timers.splice(0, 1);
    timer?.fire();
    return timer?.seconds ?? 0;
  }

  get waits(): number {
    return this.#timers.length;
  }

  /** Sizes of what was signed; every root is checked. */
  sizes(): number[] {
    const text = existsSync(this.file) ? readFileSync(this.file, 'utf8') : '';
    if (text === '') return [];
    return text
      .split(/(?=^expctl\/journal\/)/m)
      .map((note) => note.split('\n'))
      .map(([, size, root]) => {
        expect(root).toBe(rootOf(this.rows.slice(0, Number(size))));
        return Number(size);
      });
  }
}

test('every 1,000 rows, one at a time, over what is durable by then', async () => {
  const told = new Told();
  const checkpoints = await told.open();
  const tell = told.tell(checkpoints);
  for (const row of told.add(999)) tell(row);
  expect(existsSync(told.file)).toBe(false);
  // A burst: one is begun, and while it is written the rest comes.
  for (const row of told.add(2501)) tell(row);
  await checkpoints.close('finished');
  expect(told.sizes()).toEqual([1000, 3500]);
  expect(told.shown).toEqual(told.rows.map(({ seq }) => seq));
  expect(told.notices).toEqual([]);
  expect(told.waits).toBe(0);
});

test('every 15 minutes in which anything happened', async () => {
  const told = new Told();
  const checkpoints = await told.open();
  const tell = told.tell(checkpoints);
  for (const row of told.add(3)) tell(row);
  expect(told.pass()).toBe(900);
  await expect.poll(() => told.sizes()).toEqual([3]);
  expect(told.pass()).toBe(900); // in which nothing happened
  for (const row of told.add(2)) tell(row);
  const passed = () => {
    told.pass(); // the one before may still be on its way to the disk
    return told.sizes();
  };
  await expect.poll(passed).toEqual([3, 5]);
  await checkpoints.close('finished');
  expect(told.sizes(), 'all is signed already').toEqual([3, 5]);
});

test('rows behind a gate wait for it, in their order; a run that goes on reads only what is new', async () => {
  const told = new Told();
  let checkpoints = await told.open();
  let tell = told.tell(checkpoints);
  const rows = [...told.add(5), ...told.add(1, 'gate.opened', '{"gate":"look","occurrence":2}'), ...told.add(4)];
  for (const row of rows) tell(row);
  expect(told.shown).toEqual([1, 2, 3, 4, 5]);
  await checkpoints.close('gate');
  expect(told.shown).toEqual(rows.map(({ seq }) => seq));
  expect(told.sizes()).toEqual([6, 10]);
  told.add(2); // by a process that was killed before it could sign
  const asked: number[] = [];
  const { openEvidence } = told.app;
  Object.assign(told.app, {
    openEvidence: async (store: string) => {
      const journal = await openEvidence(store);
      if (!journal.ok) return journal;
      const { value } = journal;
      const hashes = value.hashes.bind(value);
      const counted: typeof hashes = (run, after, limit) => {
        asked.push(after);
        return hashes(run, after, limit);
      };
      return ok(Object.assign(value, { hashes: counted }));
    },
  });
  checkpoints = await told.open(true);
  tell = told.tell(checkpoints);
  for (const row of told.add(3)) tell(row);
  await checkpoints.close('finished');
  expect(told.sizes()).toEqual([6, 10, 15]);
  expect(asked).toEqual([29, 30]);
});
