/**
 * The pools of one run: named, counted tokens.
 *
 * Taken all or nothing and first come, first served: a wide want at the head is never overtaken, so it cannot starve, and no two
 * wants can hold a part each and wait for the rest.
 *   K2. At most `capacity[name]` tokens of a pool are out at once.
 */
export interface PoolState {
  readonly free: Record<string, number>;
  /** By holder, `point/step`. */
  readonly held: Record<string, Readonly<Record<string, number>>>;
  readonly waiting: Want[];
}

export interface Want {
  readonly point: number;
  readonly step: string;
  readonly uses: Readonly<Record<string, number>>;
}

export function newPools(capacity: Readonly<Record<string, number>>): PoolState {
  return { free: { ...capacity }, held: {}, waiting: [] };
}

/** Queues a want; `nextGrant` says when it is its turn. */
export function wantTokens(pools: PoolState, want: Want): void {
  pools.waiting.push(want);
}

/** The want that can be granted now, or null. */
export function nextGrant(pools: PoolState): Want | null {
  const head = pools.waiting[0];
  return head !== undefined && fits(pools, head) ? head : null;
}

/**
 * The want of a step that a journal says was granted, if its tokens are free; null otherwise. Not only the one whose turn it is: where
 * points are in processes of their own, the order in which the journal's writers come to it is not that in which the pool was asked.
 */
export function grantable(pools: PoolState, point: number, step: string): Want | null {
  const want = pools.waiting.find((candidate) => candidate.point === point && candidate.step === step);
  return want !== undefined && fits(pools, want, ROUNDING) ? want : null;
}

/** A store counts tokens in millionths; sums of parts such as 0.1 and 0.2 miss what they should be by less. */
const ROUNDING = 5e-7;

/** Whether the tokens of a want are free, as far as this run's own steps go. */
export function fits(pools: PoolState, want: Want, missing = 0): boolean {
  return Object.entries(want.uses).every(([name, tokens]) => (pools.free[name] ?? 0) + missing >= tokens);
}

/** Takes the tokens of a want that `nextGrant` or `grantable` gave. */
export function takeGrant(pools: PoolState, want: Want): void {
  const index = pools.waiting.indexOf(want);
  if (index < 0) throw new Error('only a want that waits can be granted');
  pools.waiting.splice(index, 1);
  for (const [name, tokens] of Object.entries(want.uses)) pools.free[name] = (pools.free[name] ?? 0) - tokens;
  pools.held[`${want.point}/${want.step}`] = want.uses;
}

/** Gives back what the step holds, or takes back its want. */
export function releaseTokens(pools: PoolState, point: number, step: string): void {
  const holder = `${point}/${step}`;
  const held = pools.held[holder];
  if (held === undefined) {
    const index = pools.waiting.findIndex((want) => want.point === point && want.step === step);
    if (index >= 0) pools.waiting.splice(index, 1);
    return;
  }
  for (const [name, tokens] of Object.entries(held)) pools.free[name] = (pools.free[name] ?? 0) + tokens;
  delete pools.held[holder];
}
