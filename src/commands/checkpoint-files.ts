import { join, resolve } from 'node:path';
import { utf8 } from '../approval/bytes.ts';
import { ExpctlError, messageOf } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import { type Checkpoint, originOf, parseCheckpoint } from '../provenance/checkpoint.ts';
import { isSignedBy, type Note, noteFileText, parseNote, splitNotes } from '../provenance/note.ts';
import type { App } from './app.ts';

/** The file of a run's checkpoints in a folder. */
export function checkpointFile(folder: string, run: string): string {
  return join(folder, `${run}.checkpoint`);
}

/** The folders where checkpoints are: the store's own, and the one that was named, in another place. */
export function checkpointFolders(app: App, store: string, flag?: string): string[] {
  const elsewhere = flag ?? app.env['EXPCTL_CHECKPOINTS'];
  return [join(store, 'checkpoints'), ...(elsewhere ? [resolve(app.cwd, elsewhere)] : [])];
}

/** A checkpoint, and where it stands. */
export interface FiledCheckpoint {
  readonly file: string;
  readonly checkpoint: Checkpoint;
}

/** The files to which the checkpoints of a run are added, each checkpoint to every one of them. */
export class CheckpointFiles {
  readonly #app: App;
  readonly #run: string;
  readonly #files: readonly string[];
  /** Files whose end was looked at. */
  readonly #begun = new Set<string>();

  private constructor(app: App, run: string, files: readonly string[]) {
    this.#app = app;
    this.#run = run;
    this.#files = files;
  }

  /** @throws ExpctlError FILE_UNREADABLE where a folder cannot be made */
  static async open(app: App, run: string, folders: readonly string[]): Promise<CheckpointFiles> {
    for (const folder of folders) {
      await app.files.makeFolder(folder).catch((cause: unknown) => {
        const hint = 'Name a folder that can be made, and written.';
        throw new ExpctlError('FILE_UNREADABLE', `${folder} cannot be made: ${messageOf(cause)}`, { hint, cause });
      });
    }
    return new CheckpointFiles(
      app,
      run,
      folders.map((folder) => checkpointFile(folder, run)),
    );
  }

  /** @returns why files could not be added to, by file */
  async append(note: string): Promise<ReadonlyMap<string, string>> {
    const failures = new Map<string, string>();
    for (const file of this.#files) {
      await this.#appendTo(file, note).catch((error: unknown) => failures.set(file, messageOf(error)));
    }
    return failures;
  }

  /** Of all checkpoints of the run whose signature by one of the keys holds, the one over most rows. */
  async longest(keys: readonly Uint8Array[]): Promise<FiledCheckpoint | null> {
    const bySize = (await this.all()).toSorted((a, b) => b.checkpoint.size - a.checkpoint.size);
    const name = originOf(this.#run);
    return bySize.find(({ note }) => keys.some((raw) => isSignedBy(note, name, raw) === true)) ?? null;
  }

  /** All checkpoints of the run, whoever signed them. */
  async all(): Promise<readonly (FiledCheckpoint & { readonly note: Note })[]> {
    const found: (FiledCheckpoint & { readonly note: Note })[] = [];
    for (const file of this.#files) {
      for (const whole of splitNotes(await this.#textOf(file)).notes) {
        const note = parseNote(whole);
        const checkpoint = note.ok ? parseCheckpoint(note.value.text) : note;
        if (note.ok && checkpoint.ok) found.push({ file, note: note.value, checkpoint: checkpoint.value });
      }
    }
    return found.filter(({ checkpoint }) => checkpoint.run === this.#run);
  }

  /** What a crash left unfinished at the end of a file is cut off, once: what follows would not be read otherwise. */
  async #appendTo(file: string, note: string): Promise<void> {
    const text = this.#begun.has(file) ? null : await this.#textOf(file);
    const behind_bytes = text === null ? undefined : utf8(text).length - utf8(splitNotes(text).rest).length;
    const added = behind_bytes === 0 ? note : `\n${note}`;
    unwrap(await this.#app.files.append(file, added, behind_bytes === undefined ? {} : { behind_bytes }));
    this.#begun.add(file);
  }

  async #textOf(file: string): Promise<string> {
    if (!(await this.#app.files.exists(file))) return '';
    const text = noteFileText(unwrap(await this.#app.files.read(file)));
    if (text !== null) return text;
    const hint = 'Move it away if it is not yours.';
    throw new ExpctlError('DATA_INVALID', `${file} is no file of checkpoints.`, { hint });
  }
}
