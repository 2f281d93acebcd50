/** How many tokens of each pool were out, over time. */
export class PoolUsage {
  /** By pool: since when, in milliseconds, how many; ascending. */
  readonly #changes = new Map<string, { since_ms: number; tokens: number }[]>();

  constructor(pools: Iterable<string>) {
    for (const pool of pools) this.#changes.set(pool, [{ since_ms: 0, tokens: 0 }]);
  }

  /** @param uses what is out from this moment on */
  note(now_ms: number, uses: Iterable<Readonly<Record<string, number>>>): void {
    const out = new Map<string, number>();
    for (const tokens of uses) {
      for (const [pool, count] of Object.entries(tokens)) out.set(pool, (out.get(pool) ?? 0) + count);
    }
    for (const [pool, changes] of this.#changes) {
      const tokens = out.get(pool) ?? 0;
      if (changes.at(-1)!.tokens !== tokens) changes.push({ since_ms: now_ms, tokens });
    }
  }

  peak(pool: string): number {
    return Math.max(...this.#changes.get(pool)!.map(({ tokens }) => tokens));
  }

  /** Token-milliseconds between two moments. */
  used(pool: string, from_ms: number, to_ms: number): number {
    return this.#sum(pool, from_ms, to_ms, (tokens) => tokens);
  }

  /** Milliseconds until the end in which no token was out. */
  idle_ms(pool: string, end_ms: number): number {
    return this.#sum(pool, 0, end_ms, (tokens) => (tokens === 0 ? 1 : 0));
  }

  /** Mean use in equal parts of the time until the end. */
  profile(pool: string, end_ms: number, parts: number): number[] {
    const part_ms = end_ms / parts;
    return Array.from({ length: parts }, (_, at) =>
      part_ms === 0 ? 0 : this.used(pool, at * part_ms, (at + 1) * part_ms) / part_ms,
    );
  }

  #sum(pool: string, from_ms: number, to_ms: number, weight: (tokens: number) => number): number {
    const changes = this.#changes.get(pool)!;
    let sum = 0;
    for (const [at, { since_ms, tokens }] of changes.entries()) {
      const begin_ms = Math.max(from_ms, since_ms);
      const end_ms = Math.min(to_ms, changes[at + 1]?.since_ms ?? to_ms);
      if (end_ms > begin_ms) sum += (end_ms - begin_ms) * weight(tokens);
    }
    return sum;
  }
}
