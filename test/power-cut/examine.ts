import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { openArtifacts } from '../../src/adapters/artifacts.ts';
import { thisProcess } from '../../src/adapters/sqlite/process-facts.ts';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { ExpctlError, messageOf } from '../../src/base/error.ts';
import type { JournalReader } from '../../src/engines/ports.ts';
import { recover } from '../../src/engines/embedded/recover.ts';
import { verifyChain } from '../../src/ir/chain.ts';
import type { JournalRow, RunStarted } from '../../src/ir/events.ts';
import type { Recording, Told } from './record.ts';
import { storyApp } from './story.ts';

/** What a journal was found to hold. */
interface Found {
  readonly rows: readonly JournalRow[];
  readonly messages: number;
}

/**
 * Opens what a power cut left as expctl would, and says what is wrong with it: nothing, unless a promise was broken.
 *
 *   P1. The store opens, for reading and for writing, or there is none and nobody was told of one.
 *   P2. Every chain holds, and the run can be recovered and taken in hand.
 *   P3. Every event that somebody was told of is there; so is the intent of every call that was sent.
 *   P4. Every artifact that an event names is there and sound, and nothing half is in the store.
 *   P5. A file outside of the store is one of its whole versions, and the last one once its command had ended.
 */
export class Examination {
  readonly problems: string[] = [];
  readonly #folder: string;
  readonly #recording: Recording;
  readonly #told: readonly Told[];

  /** @param told what had been told before the cut */
  constructor(folder: string, recording: Recording, told: readonly Told[]) {
    this.#folder = folder;
    this.#recording = recording;
    this.#told = told;
  }

  get store(): string {
    return join(this.#folder, 'project', '.expctl');
  }

  /** @param reader_first a command that only reads is the first one after the cut */
  async examine(reader_first: boolean): Promise<readonly string[]> {
    this.#checkFiles();
    await this.#checkObjects();
    try {
      const read = reader_first ? await this.#byReader() : null;
      const written = await this.#byWriter();
      if (read !== null && read.rows.length !== written.rows.length) {
        this.problems.push(`a reader sees ${read.rows.length} rows, a writer ${written.rows.length}`);
      }
      await this.#checkJournal(written);
    } catch (error) {
      const known =
        error instanceof ExpctlError ? `${error.code}: ${error.message}` : `no clear error: ${messageOf(error)}`;
      this.problems.push(`the store does not open: ${known}`);
    }
    return this.problems;
  }

  // --- files outside of the store ---

  #checkFiles(): void {
    const { versions } = this.#recording;
    for (const path of filesBelow(this.#folder)) {
      const known = versions.get(path);
      const isOurs = !path.includes('.expctl/') && !/^\..*\.tmp$/.test(basename(path)) && known !== undefined;
      if (isOurs && !known.has(digestOf(join(this.#folder, path))))
        this.problems.push(`${path} is none of its versions`);
    }
    const last = new Map<string, string>();
    for (const told of this.#told) {
      if (told.kind === 'ended') for (const [path, sha256] of Object.entries(told.files)) last.set(path, sha256);
    }
    for (const [path, sha256] of last) {
      const file = join(this.#folder, path);
      // A command that was under way may have put the next version in its place.
      const later = [...(versions.get(path) ?? [])];
      const good = later.slice(later.indexOf(sha256));
      if (!existsSync(file) || !good.includes(digestOf(file)))
        this.problems.push(`lost: ${path}, whose command had ended`);
    }
  }

  // --- the store ---

  async #checkObjects(): Promise<void> {
    const objects = join(this.store, 'cas', 'sha256');
    for (const path of filesBelow(objects)) {
      if (digestOf(join(objects, path)) !== path.replace('/', '')) this.problems.push(`half an object: ${path}`);
    }
  }

  async #byReader(): Promise<Found> {
    const reader = openReader(this.store, thisProcess());
    if (reader.ok) return found(reader.value);
    if (reader.error.code !== 'NOT_FOUND') throw reader.error;
    return { rows: [], messages: 0 };
  }

  /** As `resume` does: takes every run in hand. */
  async #byWriter(): Promise<Found> {
    const journal = await storyApp(this.#folder, this.#recording.profile, () => undefined).openJournal(this.store);
    for (const { run } of await journal.runs()) {
      const lease = await journal.acquire(run);
      if (lease.ok) await journal.release(lease.value);
      else this.problems.push(`${run} cannot be taken in hand: ${lease.error.message}`);
    }
    return found(journal);
  }

  async #checkJournal({ rows, messages }: Found): Promise<void> {
    for (const run of new Set(rows.map((row) => row.run))) {
      await this.#checkRun(
        run,
        rows.filter((row) => row.run === run),
      );
    }
    const keys = new Set(rows.map((row) => (JSON.parse(row.observed) as { key?: string }).key));
    const hashes = new Map(rows.map((row) => [`${row.run} ${row.stream}/${row.seq}`, row.hash]));
    for (const told of this.#told) {
      if (told.kind === 'sent' && !keys.has(told.key)) this.problems.push(`lost: the intent of ${told.key}`);
      if (told.kind === 'row') {
        const place = `${told.run} ${told.stream}/${told.seq}`;
        if (hashes.get(place) !== told.hash) this.problems.push(`lost: ${place}`);
      }
      const decides = told.kind === 'ended' && told.command.startsWith('gate ');
      if (decides && messages === 0 && !rows.some((row) => row.type === 'gate.decided')) {
        this.problems.push('lost: the decision at the gate');
      }
    }
  }

  async #checkRun(run: string, rows: readonly JournalRow[]): Promise<void> {
    const chain = verifyChain(rows, sha256Of);
    if (!chain.ok) this.problems.push(`${run}: ${chain.problems[0]!.message}`);
    const recovered = await recover(this.#recording.program, this.#recording.lock_sha256, inOrder(rows));
    if (!recovered.ok) this.problems.push(`${run} cannot be recovered: ${recovered.error.message}`);
    const artifacts = openArtifacts(this.store);
    for (const sha256 of new Set(rows.flatMap(digestsIn))) {
      const object = await artifacts.get(sha256);
      if (!object.ok) this.problems.push(`${run} names an artifact that is not there: ${object.error.message}`);
    }
  }
}

async function found(journal: JournalReader): Promise<Found> {
  const rows: JournalRow[] = [];
  let messages = 0;
  try {
    for (const { run } of await journal.runs()) {
      for await (const row of journal.read(run)) rows.push(row);
      messages += (await journal.inbox(run)).length;
    }
  } finally {
    await journal.close();
  }
  return { rows, messages };
}

async function* inOrder(rows: readonly JournalRow[]): AsyncGenerator<JournalRow> {
  yield* rows;
}

/** Digests of the objects that a row names: artifacts, what a tool wrote, the lock, the request, approvals and decisions. */
function digestsIn({ type, body, observed }: JournalRow): string[] {
  if (type === 'run.started') {
    const { lock_sha256, request_sha256, approvals } = JSON.parse(body) as RunStarted;
    return [lock_sha256, request_sha256, ...approvals];
  }
  const named = `${body} ${observed}`.matchAll(/"(?:(?:stdout|stderr|envelope)_)?sha256":"([0-9a-f]{64})"/g);
  return [...named].map((match) => match[1]!);
}

export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

export function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
