import { setImmediate as nextTurn } from 'node:timers/promises';
import { toBase64 } from '../approval/bytes.ts';
import type { BuiltInKey } from '../approval/ed25519.ts';
import { ExpctlError, messageOf } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import { eventOf, type JournalRow } from '../ir/events.ts';
import { MerkleTree } from '../ir/merkle.ts';
import { type Checkpoint, checkpointText, type NamedRow, originOf } from '../provenance/checkpoint.ts';
import { signNote } from '../provenance/note.ts';
import type { StoredJournal } from '../provenance/ports.ts';
import { digestBytes, leafOf } from '../provenance/verify-checkpoints.ts';
import type { App } from './app.ts';
import { CheckpointFiles, checkpointFolders } from './checkpoint-files.ts';
import { engineKey, storeKeys } from './engine-key.ts';

export interface CheckpointFlags {
  readonly checkpoints?: string;
  readonly engineKey?: string;
}

/** A run for which checkpoints are signed. */
interface Subject {
  readonly run: string;
  readonly store: string;
  readonly resumes: boolean;
}

/** Where rows and notices go. */
interface Shown {
  onRow(row: JournalRow): void;
  onNotice(text: string): void;
}

const EVERY_ROWS = 1_000;
const EVERY_S = 15 * 60;
/** Read and hashed in one turn of the event loop: about 3 ms. */
const PAGE_ROWS = 1_000;

/**
 * Signs checkpoints of a run while it is performed: at gates, at its end and every so often.
 *
 *   C1. What is signed was read back from the journal: rows that are durable, in the order of their positions.
 *   C2. Nothing that was signed before is contradicted: a run whose journal is not the one of its checkpoints does not go on.
 *   C3. A gate is shown once its checkpoint is written.
 *   C4. The engine waits for none of it. What cannot be written is told, and the run goes on.
 */
export class Checkpoints {
  readonly #app: App;
  readonly #subject: Subject;
  readonly #files: CheckpointFiles;
  readonly #key: BuiltInKey;
  #journal: StoredJournal | null = null;
  #tree = new MerkleTree(digestBytes);
  /** Position of the last row in the tree. */
  #position = 0;
  #newest: JournalRow | null = null;
  #study: NamedRow | null = null;
  /** Rows since the last checkpoint that was begun. */
  #since = 0;
  /** Checkpoints that are being written, or wait to be. */
  #pending = 0;
  #last: Promise<void> = Promise.resolve();
  #cancelTimer: (() => void) | null = null;
  #tell: (text: string) => void = () => undefined;
  /** Files of which it was told that they cannot be added to. */
  readonly #told = new Set<string>();

  private constructor(app: App, subject: Subject, files: CheckpointFiles, key: BuiltInKey) {
    this.#app = app;
    this.#subject = subject;
    this.#files = files;
    this.#key = key;
  }

  /**
   * @throws ExpctlError where the key or the folder that was named cannot be used, and EVIDENCE_BROKEN where the journal of a run that is
   *   to go on is not the one that was signed
   */
  static async open(app: App, subject: Subject, flags: CheckpointFlags): Promise<Checkpoints> {
    const { run, store, resumes } = subject;
    const files = await CheckpointFiles.open(app, run, checkpointFolders(app, store, flags.checkpoints));
    const key = await engineKey(app, store, flags.engineKey);
    const checkpoints = new Checkpoints(app, subject, files, key);
    if (resumes) await checkpoints.#recall();
    else await checkpoints.#assertNew();
    return checkpoints;
  }

  /** Rows are handed on in their order; that of a gate, and those behind it, once its checkpoint is written. */
  before(shown: Shown): (row: JournalRow) => void {
    this.#tell = shown.onNotice;
    let waiting: Promise<void> | null = null;
    return (row) => {
      const written = this.#onRow(row);
      if (written === null && waiting === null) return shown.onRow(row);
      const turn = Promise.all([waiting, written]).then(() => {
        shown.onRow(row);
        if (waiting === turn) waiting = null;
      });
      waiting = turn;
      this.#last = Promise.all([this.#last, turn]).then(() => undefined);
    };
  }

  /** Signs what is not signed yet, and waits for everything. @param at how the performance ended */
  async close(at: string): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.#last;
    if (this.#newest !== null && this.#newest.position > this.#position) await this.#write(at);
    this.#journal?.close();
    this.#journal = null;
    this.#newest = null;
  }

  /** @returns what has to be waited for before the row is shown */
  #onRow(row: JournalRow): Promise<void> | null {
    if (this.#newest === null || row.position > this.#newest.position) this.#newest = row;
    if (row.stream === 'study') this.#study = { stream: row.stream, seq: row.seq, hash: row.hash };
    this.#since += 1;
    this.#cancelTimer ??= this.#app.clock.after(EVERY_S, () => this.#afterTime());
    const event = row.type === 'gate.opened' ? eventOf(row) : null;
    if (event?.type === 'gate.opened') return this.#write(`gate ${event.gate} ${event.occurrence}`);
    if (this.#since >= EVERY_ROWS && this.#pending === 0) void this.#write('interval');
    return null;
  }

  #afterTime(): void {
    this.#cancelTimer = this.#app.clock.after(EVERY_S, () => this.#afterTime());
    if (this.#since > 0 && this.#pending === 0) void this.#write('interval');
  }

  /** Signs the rows up to now, once what is being written is. Never rejects. */
  #write(at: string): Promise<void> {
    this.#pending += 1;
    this.#since = 0;
    const before = this.#last;
    const [newest, study] = [this.#newest, this.#study];
    const written = (async () => {
      await before;
      await this.#writeOne(at, newest!, study).catch((error: unknown) => this.#complain('', messageOf(error)));
      this.#pending -= 1;
    })();
    this.#last = written;
    return written;
  }

  async #writeOne(at: string, newest: JournalRow, study: NamedRow | null): Promise<void> {
    await this.#readTo(newest.position);
    const { run } = this.#subject;
    const { stream, seq, hash, position } = newest;
    const tree = this.#tree.state();
    const time_ms = this.#app.clock.now_ms();
    const last = { stream, seq, hash, position };
    const checkpoint = { run, size: tree.size, root: this.#tree.root(), time_ms, at, study, last, tree };
    const note = signNote(checkpointText(checkpoint), originOf(run), this.#key);
    for (const [file, why] of await this.#files.append(note)) this.#complain(file, why);
  }

  /** Takes rows up to a position into the tree, as they stand in the journal. */
  async #readTo(position: number): Promise<void> {
    const { run, store } = this.#subject;
    this.#journal ??= unwrap(await this.#app.openEvidence(store));
    while (this.#position < position) {
      const page = this.#journal.hashes(run, this.#position, PAGE_ROWS).filter((row) => row.position <= position);
      if (page.length === 0) throw new Error(`the journal has no row of ${run} at position ${position}`);
      for (const row of page) this.#tree.append(leafOf(row.hash));
      this.#position = page.at(-1)!.position;
      await nextTurn();
    }
  }

  #complain(file: string, why: string): void {
    if (this.#told.has(file)) return;
    this.#told.add(file);
    this.#tell(`A checkpoint of the journal was not written: ${why}`);
  }

  // --- what was signed before ---

  async #keys(): Promise<readonly Uint8Array[]> {
    return (await storeKeys(this.#app, this.#subject.store)).map(({ raw }) => raw);
  }

  async #assertNew(): Promise<void> {
    const { run } = this.#subject;
    const [before] = await this.#files.all();
    if (before === undefined) return;
    const hint = `Give another --id, or go on with it: expctl resume ${run}`;
    throw new ExpctlError('USAGE', `There is a run ${run} already: ${before.file} holds its checkpoints.`, { hint });
  }

  /** Goes on from the longest checkpoint by a key of this store. */
  async #recall(): Promise<void> {
    const { run, store } = this.#subject;
    const longest = await this.#files.longest(await this.#keys());
    if (longest === null) return;
    this.#journal = unwrap(await this.#app.openEvidence(store));
    const { file, checkpoint } = longest;
    this.#study = checkpoint.study;
    if (this.#goesOnFrom(this.#journal, checkpoint)) return;
    const rows = await this.#readRows(checkpoint.size);
    if (rows === checkpoint.size && toBase64(this.#tree.root()) === toBase64(checkpoint.root)) return;
    const time = checkpoint.time_ms === null ? '' : ` of ${new Date(checkpoint.time_ms).toISOString()}`;
    const there = rows < checkpoint.size ? `${rows} are there` : 'others are there';
    const message = `The journal of run ${run} is not the one that was signed: the checkpoint${time} in ${file} holds ${checkpoint.size} rows, ${there}.`;
    const hint = `\`expctl verify ${run}\` says more. Restore the store from a backup; to go on from what is there all the same, move ${file} away.`;
    throw new ExpctlError('EVIDENCE_BROKEN', message, { hint });
  }

  /** Whether the rows end, at the checkpoint's position, as it says; then its tree is that of the rows. Costs no look at all of them. */
  #goesOnFrom(journal: StoredJournal, { size, root, last, tree }: Checkpoint): boolean {
    const { run } = this.#subject;
    if (last === null || tree === null || journal.countTo(run, last.position) !== size) return false;
    const [row] = journal.hashes(run, last.position - 1, 1);
    const restored = new MerkleTree(digestBytes, tree);
    if (row?.hash !== last.hash || toBase64(restored.root()) !== toBase64(root)) return false;
    this.#tree = restored;
    this.#position = last.position;
    return true;
  }

  /** Takes so many rows into the tree, or all that there are; returns how many. */
  async #readRows(count: number): Promise<number> {
    while (this.#tree.size < count) {
      const page = this.#journal!.hashes(
        this.#subject.run,
        this.#position,
        Math.min(PAGE_ROWS, count - this.#tree.size),
      );
      if (page.length === 0) break;
      for (const row of page) this.#tree.append(leafOf(row.hash));
      this.#position = page.at(-1)!.position;
    }
    return this.#tree.size;
  }
}
