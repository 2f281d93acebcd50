/**
 * The pools of one run: named, counted tokens.
 *
 * Taken all or nothing and first come, first served: a wide want at the head is never overtaken, so it cannot starve, and no two
 * wants can hold a part each and wait for the rest.
 *   K2. At most `capacity[name]` tokens of a pool are out at once.
 */
export interface PoolState {
  readonly free: Record<string, number>;
  readonly held: Record<string, Readonly<Record<string, number>>>;
  readonly waiting: {
    readonly point: number;
    readonly step: string;
    readonly uses: Readonly<Record<string, number>>;
  }[];
}

export interface Grant {
  readonly point: number;
  readonly step: string;
}

export function newPools(capacity: Readonly<Record<string, number>>): PoolState {
  return { free: { ...capacity }, held: {}, waiting: [] };
}

/** Asks for tokens; returns what can be granted now, in order. */
export function wantTokens(
  pools: PoolState,
  point: number,
  step: string,
  uses: Readonly<Record<string, number>>,
): Grant[] {
  pools.waiting.push({ point, step, uses });
  return grantWaiting(pools);
}

/** Gives back what the step holds, or takes back its want; returns what can be granted now. */
export function releaseTokens(pools: PoolState, point: number, step: string): Grant[] {
  const holder = `${point}/${step}`;
  const held = pools.held[holder];
  if (held === undefined) {
    const index = pools.waiting.findIndex((want) => want.point === point && want.step === step);
    if (index >= 0) pools.waiting.splice(index, 1);
  } else {
    for (const [name, tokens] of Object.entries(held)) pools.free[name] = (pools.free[name] ?? 0) + tokens;
    delete pools.held[holder];
  }
  return grantWaiting(pools);
}

/** On recovery: the step held these tokens before the process ended. */
export function restoreTokens(
  pools: PoolState,
  point: number,
  step: string,
  uses: Readonly<Record<string, number>>,
): void {
  take(pools, point, step, uses);
}

function grantWaiting(pools: PoolState): Grant[] {
  const grants: Grant[] = [];
  for (let head = pools.waiting[0]; head !== undefined && fits(pools, head.uses); head = pools.waiting[0]) {
    pools.waiting.shift();
    take(pools, head.point, head.step, head.uses);
    grants.push({ point: head.point, step: head.step });
  }
  return grants;
}

function fits(pools: PoolState, uses: Readonly<Record<string, number>>): boolean {
  return Object.entries(uses).every(([name, tokens]) => (pools.free[name] ?? 0) >= tokens);
}

function take(pools: PoolState, point: number, step: string, uses: Readonly<Record<string, number>>): void {
  for (const [name, tokens] of Object.entries(uses)) pools.free[name] = (pools.free[name] ?? 0) - tokens;
  pools.held[`${point}/${step}`] = uses;
}
