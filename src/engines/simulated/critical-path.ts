import type { Lock, LockedStep } from '../../ir/lock.ts';
import { tableOf } from './bounds.ts';
import type { Execution } from './tools.ts';

export interface CriticalPath {
  /** Milliseconds by step, and `back-off` and `waiting` for times in which nothing of the path went on. */
  readonly ms: ReadonlyMap<string, number>;
  /** Why its links began when they did, and how many. */
  readonly held_by: ReadonlyMap<string, number>;
}

/**
 * The chain of executions that ends with the last one: each began when the one before it ended, by need, by tokens that it gave back, or
 * as the last of its point or phase. To make the makespan shorter, something on it has to be shorter, or held up less.
 */
export function criticalPath(lock: Lock, executions: readonly Execution[]): CriticalPath {
  const ms = new Map<string, number>();
  const held_by = new Map<string, number>();
  const index = new Index(executions);
  for (let at = index.last; at !== null; ) {
    count(ms, at.step, at.ends_ms - at.begins_ms);
    const before = index.before(lock, at);
    if (before === null) {
      if (at.begins_ms > 0) count(ms, 'waiting', at.begins_ms);
      break;
    }
    const gap_ms = at.begins_ms - before.ends_ms;
    if (gap_ms > 0) count(ms, isSame(at, before) ? 'back-off' : 'waiting', gap_ms);
    const holder = holderOf(lock, before, at);
    if (holder !== null) count(held_by, holder, 1);
    at = before;
  }
  return { ms, held_by };
}

class Index {
  readonly last: Execution | null;
  /** By end, ascending. */
  readonly #sorted: readonly Execution[];
  readonly #places: ReadonlyMap<Execution, number>;

  constructor(executions: readonly Execution[]) {
    // Stable: what ends in one moment stays in the order in which it ended.
    this.#sorted = [...executions].sort((a, b) => a.ends_ms - b.ends_ms);
    this.#places = new Map(this.#sorted.map((execution, place) => [execution, place]));
    this.last = this.#sorted.at(-1) ?? null;
  }

  /** What ended last before an execution began; of several, what it needed, then whose tokens it took. */
  before(lock: Lock, of: Execution): Execution | null {
    const end = Math.min(this.#firstBehind(of.begins_ms), this.#places.get(of)!);
    const ends_ms = this.#sorted[end - 1]?.ends_ms;
    let best: Execution | null = null;
    let rank = Number.POSITIVE_INFINITY;
    for (let at = end - 1; at >= 0 && this.#sorted[at]!.ends_ms === ends_ms; at -= 1) {
      const candidate = this.#sorted[at]!;
      const rank_here = rankOf(lock, candidate, of);
      if (rank_here < rank) [best, rank] = [candidate, rank_here];
    }
    // Nothing ended just then: it waited for a back-off, if it is not the first attempt.
    return ends_ms === of.begins_ms ? best : (this.#attemptBefore(of, end) ?? best);
  }

  #attemptBefore(of: Execution, end: number): Execution | null {
    for (let at = end - 1; at >= 0; at -= 1) if (isSame(this.#sorted[at]!, of)) return this.#sorted[at]!;
    return null;
  }

  /** Index of the first execution that ends after this moment. */
  #firstBehind(ms: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]!.ends_ms <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function rankOf(lock: Lock, before: Execution, of: Execution): number {
  if (isSame(before, of)) return 0;
  if (isNeeded(lock, before, of)) return 1;
  if (sharedPool(lock, before, of) !== null) return 2;
  return before.point === of.point ? 3 : 4;
}

function holderOf(lock: Lock, before: Execution, at: Execution): string | null {
  if (isSame(before, at)) return null;
  if (isNeeded(lock, before, at)) return 'order of steps';
  const pool = sharedPool(lock, before, at);
  if (pool !== null && tableOf(lock, before.point) === tableOf(lock, at.point)) return `pool ${pool}`;
  return tableOf(lock, before.point) === tableOf(lock, at.point) ? 'points in flight' : 'phases';
}

/** Parts and attempts of one step of one point. */
function isSame(before: Execution, of: Execution): boolean {
  return before.point === of.point && before.step === of.step;
}

function isNeeded(lock: Lock, before: Execution, of: Execution): boolean {
  return before.point === of.point && stepOf(lock, of.step).needs.includes(before.step);
}

/** The scarcest pool that both use. */
function sharedPool(lock: Lock, before: Execution, of: Execution): string | null {
  const theirs = stepOf(lock, before.step).uses;
  const shared = Object.entries(stepOf(lock, of.step).uses).filter(([pool]) => Object.hasOwn(theirs, pool));
  const part = ([pool, tokens]: [string, number]) => tokens / lock.pools[pool]!;
  return shared.sort((a, b) => part(b) - part(a))[0]?.[0] ?? null;
}

function stepOf({ pipeline }: Lock, name: string): LockedStep {
  return pipeline.find((step) => step.name === name)!;
}

function count(counts: Map<string, number>, what: string, add: number): void {
  counts.set(what, (counts.get(what) ?? 0) + add);
}
