import { hash } from 'node:crypto';
import { ExpctlError, messageOf } from '../base/error.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { ArtifactStore, JournalStore } from '../engines/ports.ts';
import { FileArtifacts } from './files/artifacts.ts';

/** Contents of fewer bytes lie in the journal, if there is one to write to. */
const SMALL_BYTES = 4096;

/** What of a journal holds artifacts. */
type SmallArtifacts = Pick<JournalStore, 'smallArtifact' | 'keepSmallArtifact'>;

/**
 * The artifacts of a store folder.
 *
 * @param journal of the same folder, of the process that performs a run: what its tools answer in few bytes then lies in the journal
 *     and is durable with the event that names it; a file would need a sync of its own. Without one, all that is put becomes a file, and
 *     small contents are read by a connection of its own, made when one is first asked for
 */
export function openArtifacts(folder: string, journal: SmallArtifacts | null = null): ArtifactStore {
  return new StoreArtifacts(new FileArtifacts(folder), folder, journal);
}

class StoreArtifacts implements ArtifactStore {
  readonly #files: FileArtifacts;
  readonly #folder: string;
  readonly #journal: SmallArtifacts | null;
  #reader: Pick<SmallArtifacts, 'smallArtifact'> | null = null;

  constructor(files: FileArtifacts, folder: string, journal: SmallArtifacts | null) {
    this.#files = files;
    this.#folder = folder;
    this.#journal = journal;
  }

  async put(bytes: Uint8Array): Promise<{ sha256: string; bytes: number }> {
    if (this.#journal === null || bytes.byteLength >= SMALL_BYTES) return this.#files.put(bytes);
    const sha256 = hash('sha256', bytes);
    const held = await this.#journal.smallArtifact(sha256);
    // Rows are never changed: where one has rotted, the good bytes at hand become a file, which is read first.
    if (held !== null && Buffer.compare(held, bytes) !== 0) return this.#files.put(bytes);
    if (held === null) this.#journal.keepSmallArtifact(sha256, Buffer.from(bytes)); // a copy, which nobody changes until it is written
    return { sha256, bytes: bytes.byteLength };
  }

  putFile(path: string): Promise<{ sha256: string; bytes: number }> {
    return this.#files.putFile(path);
  }

  async get(sha256: string): Promise<Result<Uint8Array>> {
    const file = await this.#files.get(sha256);
    if (file.ok) return file;
    const small = await this.#small(sha256);
    if (!small.ok) return small;
    if (small.value === null) return file;
    if (hash('sha256', small.value) === sha256) return ok(small.value);
    if (file.error.code !== 'NOT_FOUND') return file;
    const message = `Artifact ${sha256} was changed: its bytes in the journal have another digest`;
    const hint = 'Restore `.expctl/journal.sqlite` from a backup, or run the step again that made it.';
    return err(new ExpctlError('ARTIFACT_CORRUPT', message, { hint }));
  }

  async has(sha256: string): Promise<boolean> {
    if (await this.#files.has(sha256)) return true;
    const small = await this.#small(sha256);
    return small.ok && small.value !== null;
  }

  async #small(sha256: string): Promise<Result<Uint8Array | null>> {
    try {
      this.#reader ??= this.#journal ?? (await this.#openReader());
      return ok((await this.#reader?.smallArtifact(sha256)) ?? null);
    } catch (error) {
      if (error instanceof ExpctlError) return err(error);
      const hint = 'Look at the folder of the store; `expctl verify RUN` says what of it holds.';
      return err(new ExpctlError('STORE_UNUSABLE', `The journal cannot be read: ${messageOf(error)}`, { hint }));
    }
  }

  /** Null where there is no journal. It is left open until the process ends: it holds nothing that anybody waits for. */
  async #openReader(): Promise<Pick<SmallArtifacts, 'smallArtifact'> | null> {
    const { openReader } = await import('./sqlite/reader.ts');
    const reader = openReader(this.#folder);
    return reader.ok ? reader.value : null;
  }
}
