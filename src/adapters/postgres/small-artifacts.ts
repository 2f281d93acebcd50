import type { Query } from './link.ts';

/** Few bytes beside the rows, kept with the next commit. */
export class SmallArtifacts {
  readonly #waiting = new Map<string, Uint8Array>();

  keep(sha256: string, bytes: Uint8Array): void {
    this.#waiting.set(sha256, bytes);
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  waiting(sha256: string): Uint8Array | null {
    return this.#waiting.get(sha256) ?? null;
  }

  /**
   * The last thing that a transaction writes, in the order of the digests, so that no two wait for each other.
   *
   * @returns to be called once it is committed
   */
  async write(query: Query): Promise<() => void> {
    const kept = [...this.#waiting].sort(([one], [other]) => (one < other ? -1 : 1));
    if (kept.length > 0) {
      await query(
        `INSERT INTO small_artifacts (sha256, bytes) SELECT sha256, bytes FROM unnest($1::text[], $2::bytea[]) AS n (sha256, bytes)
         ORDER BY n.sha256 COLLATE "C" ON CONFLICT DO NOTHING`,
        [kept.map(([sha256]) => sha256), kept.map(([, bytes]) => Buffer.from(bytes))],
      );
    }
    return () => {
      for (const [sha256, bytes] of kept) if (this.#waiting.get(sha256) === bytes) this.#waiting.delete(sha256);
    };
  }
}
