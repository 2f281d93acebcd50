import type { EffectAnswered, JournalRow } from '../ir/events.ts';
import { Mismatch } from './mismatch.ts';
import type { ObjectReader } from './ports.ts';
import { observedOf, textIn } from './rows.ts';

/** What a tool wrote to its standard streams is kept under these observed names. */
export const STREAMS = { stdout: 'stdout_sha256', stderr: 'stderr_sha256' } as const;

/** The files that answers name, each read once: it is there, and what its digest says. */
export class ArtifactEvidence {
  artifacts = 0;
  artifact_bytes = 0;
  readonly #objects: ObjectReader;
  /** Sizes by digest. */
  readonly #seen = new Map<string, number>();

  constructor(objects: ObjectReader) {
    this.#objects = objects;
  }

  async answered(row: JournalRow, { outcome }: EffectAnswered): Promise<void> {
    for (const { name, sha256, bytes } of outcome.ok ? outcome.artifacts : []) {
      const size = await this.#sizeOf(row, sha256, name);
      if (size !== bytes) throw new Mismatch('artifact', row, `${name} of ${bytes} bytes`, `${size} bytes`);
    }
    const observed = observedOf(row);
    for (const [name, field] of Object.entries(STREAMS)) {
      const sha256 = textIn(observed, field);
      if (sha256 !== null) await this.#sizeOf(row, sha256, name);
    }
  }

  async #sizeOf(row: JournalRow, sha256: string, name: string): Promise<number> {
    const known = this.#seen.get(sha256);
    if (known !== undefined) return known;
    const read = await this.#objects.get(sha256);
    if (!read.ok) throw new Mismatch('artifact', row, `${name}, ${sha256}`, read.error.message);
    const size = read.value.byteLength;
    this.#seen.set(sha256, size);
    this.artifacts += 1;
    this.artifact_bytes += size;
    return size;
  }
}
