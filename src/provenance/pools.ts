import type { RunHolder } from './ports.ts';

type Tokens = Readonly<Record<string, number>>;

/** A step that holds tokens, or waits for some, as the store keeps it. */
export interface ClaimFacts {
  readonly run: string;
  readonly point: number;
  readonly step: string;
  readonly attempt: number;
  readonly uses: Tokens;
  readonly arrival: number;
  readonly overtaken: number;
  readonly wanted_ms: number;
  readonly held_ms: number | null;
  readonly taken: boolean;
  readonly key: string | null;
}

/** The pools of a store, as `pools --json` prints them. */
export interface PoolsView {
  readonly pools: readonly PoolUse[];
  /** In the order in which they were asked for. */
  readonly holders: readonly PoolHolding[];
  readonly waiting: readonly PoolWaiting[];
}

export interface PoolUse {
  readonly pool: string;
  /** The largest capacity that a lock of these runs states; null where none does. */
  readonly tokens: number | null;
  /** Capacity by run, where locks state different ones; null where they agree. */
  readonly by_run: Tokens | null;
  readonly held: number;
  /** Steps that wait for tokens of it. */
  readonly waiting: number;
}

interface PoolClaim {
  readonly run: string;
  readonly point: number;
  readonly step: string;
  readonly attempt: number;
  readonly uses: Tokens;
  /** Milliseconds since 1970. */
  readonly since_ms: number;
  /** The process that performs the run. */
  readonly performed_by: RunHolder;
}

export interface PoolHolding extends PoolClaim {
  /** Key of the effect for which it holds them; null while nothing was sent. */
  readonly effect: string | null;
  /** Command that gives the tokens back, where only a person can: nobody performs the run. */
  readonly next: string | null;
}

export interface PoolWaiting extends PoolClaim {
  /** From 1, among what waits for the same pools. Runs take turns, so that it is no promise. */
  readonly place: number;
  readonly overtaken: number;
  /** Who holds tokens of pools in which too few are free, as `RUN POINT STEP`. */
  readonly behind: readonly string[];
}

export interface PoolsInput {
  readonly runs: readonly { readonly run: string; readonly pools: Tokens }[];
  readonly claims: readonly ClaimFacts[];
  readonly holders: ReadonlyMap<string, RunHolder>;
  /** Only claims of this run are listed; what is held and waited for counts over all. */
  readonly only: string | null;
}

const NOBODY: RunHolder = { state: 'nobody', pid: null, machine: null };

/** Who holds what, since when, and who waits for what behind whom. */
export function poolsView({ runs, claims, holders, only }: PoolsInput): PoolsView {
  const listed = claims.filter(({ run }) => only === null || run === only);
  const performedBy = (run: string): RunHolder => holders.get(run) ?? NOBODY;
  return {
    pools: poolUses(runs, claims),
    holders: listed.filter(isHeld).map((claim) => holding(claim, performedBy(claim.run))),
    waiting: listed
      .filter((claim) => !isHeld(claim))
      .map((claim) => waiting(claim, performedBy(claim.run), { runs, claims })),
  };
}

function poolUses(runs: PoolsInput['runs'], claims: readonly ClaimFacts[]): PoolUse[] {
  const names = new Set([...runs.map(({ pools }) => pools), ...claims.map(({ uses }) => uses)].flatMap(Object.keys));
  return [...names].sort().map((pool) => {
    const stated = runs
      .filter(({ pools }) => Object.hasOwn(pools, pool))
      .map(({ run, pools }) => [run, pools[pool]!] as const);
    const capacities = new Set(stated.map(([, tokens]) => tokens));
    return {
      pool,
      tokens: capacities.size === 0 ? null : Math.max(...capacities),
      by_run: capacities.size > 1 ? Object.fromEntries(stated) : null,
      held: heldOf(pool, claims),
      waiting: claims.filter((claim) => !isHeld(claim) && Object.hasOwn(claim.uses, pool)).length,
    };
  });
}

function holding(claim: ClaimFacts, performed_by: RunHolder): PoolHolding {
  const isLeft = claim.taken && (performed_by.state === 'gone' || performed_by.state === 'nobody');
  const next = isLeft ? `expctl resume ${claim.run}` : null;
  return { ...common(claim, claim.held_ms!, performed_by), effect: claim.key, next };
}

function waiting(claim: ClaimFacts, performed_by: RunHolder, all: Pick<PoolsInput, 'runs' | 'claims'>): PoolWaiting {
  const shares = ({ uses }: ClaimFacts): boolean => Object.keys(uses).some((pool) => Object.hasOwn(claim.uses, pool));
  const before = all.claims.filter((other) => !isHeld(other) && other.arrival < claim.arrival && shares(other));
  const own = all.runs.find(({ run }) => run === claim.run)?.pools ?? {};
  const short = Object.entries(claim.uses).filter(
    ([pool, tokens]) => heldOf(pool, all.claims) + tokens > (own[pool] ?? 0),
  );
  const behind = all.claims.filter((other) => isHeld(other) && short.some(([pool]) => Object.hasOwn(other.uses, pool)));
  return {
    ...common(claim, claim.wanted_ms, performed_by),
    place: before.length + 1,
    overtaken: claim.overtaken,
    behind: behind.map(({ run, point, step }) => `${run} ${point} ${step}`),
  };
}

function common(claim: ClaimFacts, since_ms: number, performed_by: RunHolder): PoolClaim {
  const { run, point, step, attempt, uses } = claim;
  return { run, point, step, attempt, uses, since_ms, performed_by };
}

function isHeld({ held_ms }: ClaimFacts): boolean {
  return held_ms !== null;
}

function heldOf(pool: string, claims: readonly ClaimFacts[]): number {
  return claims.filter(isHeld).reduce((sum, { uses }) => sum + (uses[pool] ?? 0), 0);
}
