import { describe, expect, test } from 'vitest';
import { unwrap } from '../../../src/base/result.ts';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import type { ProcessFacts } from '../../../src/adapters/sqlite/lease.ts';
import type {
  JournalStore,
  Lease,
  NewEvent,
  PoolExchange,
  PoolGrant,
  PoolReader,
  PoolWant,
} from '../../../src/engines/ports.ts';
import { MemoryPools } from '../../../src/engines/memory-pools.ts';
import { randomSource } from '../../engines/pool-worlds.ts';
import { makeOldStore } from './old-store.ts';
import { commitsInLog, granted, processFacts, runRow, STARTED, StillClock, temporaryFolder } from './support.ts';

const FINISHED: NewEvent = {
  stream: 'study',
  event: { type: 'run.finished', status: 'completed', reason: '', points: { succeeded: 0, failed: 0, cancelled: 0 } },
  observed: {},
};

/** A process with one run: its own connection, number and clock. */
interface Performer {
  readonly journal: JournalStore & PoolReader;
  readonly clock: StillClock;
  readonly lease: Lease;
  /** What it was told by others' doing. */
  readonly told: PoolGrant[];
}

/** Processes on one store; those in `alive` live. */
class Store {
  readonly folder = temporaryFolder();
  readonly alive = new Set<number>();

  async start(pid: number, pools: Record<string, number> = { licence: 1 }): Promise<Performer> {
    const { journal, clock } = this.#process(pid, {});
    const lease = unwrap(await journal.createRun(runRow(`run-${pid}`, `request-${pid}`), 1, [STARTED], pools));
    return this.#performer(journal, clock, lease);
  }

  async resume(pid: number, run: string, facts: Partial<ProcessFacts> = {}): Promise<Performer> {
    const { journal, clock } = this.#process(pid, facts);
    return this.#performer(journal, clock, unwrap(await journal.acquire(run, { take_over: true })));
  }

  async claims(): Promise<string[]> {
    const reader = unwrap(openReader(this.folder));
    const { claims } = await reader.pools();
    await reader.close();
    return claims.map(
      ({ run, point, held_ms, taken }) => `${run}/${point} ${held_ms === null ? 'waits' : taken ? 'holds' : 'granted'}`,
    );
  }

  #process(pid: number, facts: Partial<ProcessFacts>): { journal: JournalStore & PoolReader; clock: StillClock } {
    this.alive.add(pid);
    const startedOf = (asked: number): string | null => (this.alive.has(asked) ? `start of ${asked}` : null);
    const clock = new StillClock();
    return {
      clock,
      journal: openJournal(this.folder, { clock, process: processFacts(pid, [], { startedOf, ...facts }) }),
    };
  }

  #performer(journal: JournalStore & PoolReader, clock: StillClock, lease: Lease): Performer {
    const told: PoolGrant[] = [];
    journal.onTokens(lease, (grants) => told.push(...grants));
    return { journal, clock, lease, told };
  }
}

function want(point: number, uses: Record<string, number> = { licence: 1 }): PoolWant {
  return { point, step: 'solve', attempt: 1, uses };
}

function grant(point: number): PoolGrant {
  return { point, step: 'solve', attempt: 1 };
}

function exchange({ journal, lease }: Performer, given: Partial<PoolExchange>): Promise<readonly PoolGrant[]> {
  return journal.exchangeTokens(lease, { released: [], bound: [], wanted: [], ...given });
}

/** Tokens are wanted, granted, and taken for an effect. */
async function hold(performer: Performer, point: number, key: string | null = `key-${point}`): Promise<void> {
  expect(await exchange(performer, { wanted: [want(point)] })).toEqual([grant(point)]);
  await take(performer, point, key);
}

async function take(performer: Performer, point: number, key: string | null = `key-${point}`): Promise<void> {
  await exchange(performer, { bound: [{ point, step: 'solve', key }] });
}

function give(performer: Performer, point: number): Promise<readonly PoolGrant[]> {
  return exchange(performer, { released: [{ point, step: 'solve' }] });
}

/** Enough looks for a run that waits to see that another one's process is gone. */
function wait({ clock }: Performer): void {
  for (let look = 0; look < 60; look++) clock.tick();
}

describe('an exchange', () => {
  test('shares the commit of the appends before it', async () => {
    const store = new Store();
    const one = await store.start(1, { licence: 2 });
    const before = commitsInLog(store.folder);
    const [, first, , second] = await Promise.all([
      one.journal.append(one.lease, [granted(7)]),
      exchange(one, { wanted: [want(1)] }),
      one.journal.append(one.lease, [granted(8)]),
      exchange(one, { wanted: [want(2), want(3)] }),
    ]);
    expect([...first, ...second].map(({ point }) => point)).toEqual([1, 2]);
    expect(commitsInLog(store.folder)).toBe(before + 1);
    expect(await store.claims()).toEqual(['run-1/1 granted', 'run-1/2 granted', 'run-1/3 waits']);
  });

  test('of the same turn that takes back what an earlier one was granted is not told of it', async () => {
    const store = new Store();
    const one = await store.start(1);
    const outcomes = await Promise.all([
      exchange(one, { wanted: [want(1)] }),
      give(one, 1),
      exchange(one, { wanted: [want(2)] }),
    ]);
    expect(outcomes).toEqual([[grant(2)], [], []]);
  });

  test('of a run whose lease is another’s is refused, alone', async () => {
    const store = new Store();
    const one = await store.start(1);
    store.alive.delete(1);
    const next = await store.resume(2, 'run-1');
    await expect(exchange(one, { wanted: [want(1)] })).rejects.toMatchObject({ code: 'RUN_LOCKED' });
    expect(await store.claims()).toEqual([]);
    expect(await exchange(next, { wanted: [want(1)] })).toEqual([grant(1)]);
  });

  test.each<[string, Partial<PoolExchange>]>([
    ['more than there is', { wanted: [want(1), want(2, { licence: 2 })] }],
    ['of a pool that the lock does not name', { wanted: [want(1), want(2, { cores: 1 })] }],
  ])('that asks for what cannot be is a bug, and refused alone: %s', async (_what, given) => {
    const store = new Store();
    const one = await store.start(1);
    await hold(one, 5);
    const [refused, appended] = await Promise.allSettled([
      exchange(one, given),
      one.journal.append(one.lease, [granted(5)]),
    ]);
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'INTERNAL' } });
    expect(appended.status).toBe('fulfilled');
    expect(await store.claims()).toEqual(['run-1/5 holds']);
  });

  test('of a run that stated no pools when it began is a bug', async () => {
    const one = await new Store().start(1, {});
    await expect(exchange(one, { wanted: [want(1)] })).rejects.toThrow('stated no pools');
  });
});

describe('runs that share a store', () => {
  test('hand tokens over in the transaction that gives them back', async () => {
    const store = new Store();
    const [one, two] = [await store.start(1), await store.start(2)];
    await hold(one, 1);
    expect(await exchange(two, { wanted: [want(1)] })).toEqual([]);
    await give(one, 1);
    expect(await store.claims()).toEqual(['run-2/1 granted']);
    two.clock.tick();
    expect(two.told).toEqual([grant(1)]);
    wait(two);
    expect(two.told).toHaveLength(1);
  });

  test('of one process tell each other too', async () => {
    const store = new Store();
    const one = await store.start(1);
    const lease = unwrap(await one.journal.createRun(runRow('other', 'request-other'), 1, [STARTED], { licence: 1 }));
    const told: PoolGrant[] = [];
    one.journal.onTokens(lease, (grants) => told.push(...grants));
    await hold(one, 1);
    await one.journal.exchangeTokens(lease, { released: [], bound: [], wanted: [want(4)] });
    wait(one);
    expect(told).toEqual([]);
    await give(one, 1);
    one.clock.tick();
    expect(told).toEqual([grant(4)]);
  });

  test('take turns', async () => {
    const store = new Store();
    const [one, two] = [await store.start(1), await store.start(2)];
    await hold(one, 1);
    await exchange(one, { wanted: [want(2), want(3)] });
    await exchange(two, { wanted: [want(1), want(2)] });
    const order: string[] = [];
    for (let turn = 0; turn < 4; turn++) {
      const [holder] = (await store.claims()).filter((claim) => !claim.endsWith('waits'));
      const [run, point] = holder!.split(' ')[0]!.split('/');
      await give(run === 'run-1' ? one : two, Number(point));
      order.push((await store.claims()).find((claim) => claim.endsWith('granted'))!.split(' ')[0]!);
    }
    expect(order).toEqual(['run-2/1', 'run-1/2', 'run-2/2', 'run-1/3']);
  });

  test('pass what a run held and wanted on when it ends, in the same transaction', async () => {
    const store = new Store();
    const [one, two] = [await store.start(1), await store.start(2)];
    await hold(one, 1);
    await exchange(one, { wanted: [want(2)] });
    await exchange(two, { wanted: [want(1)] });
    await one.journal.append(one.lease, [FINISHED]);
    expect(await store.claims()).toEqual(['run-2/1 granted']);
  });

  test('grant one that has ended and goes on, since failed points are tried again', async () => {
    const store = new Store();
    const one = await store.start(1);
    await hold(one, 1);
    await one.journal.append(one.lease, [FINISHED]);
    await one.journal.release(one.lease);
    const again = await store.resume(2, 'run-1');
    expect(await exchange(again, { wanted: [want(1)] })).toEqual([grant(1)]);
  });

  test('do not wait for wants of one that was killed, which has its old place when it is resumed', async () => {
    const store = new Store();
    const [one, two, three] = [await store.start(1), await store.start(2), await store.start(3)];
    await hold(one, 1);
    await exchange(two, { wanted: [want(1)] });
    await exchange(three, { wanted: [want(1), want(2)] });
    store.alive.delete(2);
    await give(one, 1);
    expect(await store.claims()).toEqual(['run-2/1 waits', 'run-3/1 granted', 'run-3/2 waits']);
    const again = await store.resume(4, 'run-2');
    expect(await again.journal.reconcileTokens(again.lease, { held: [], wanted: [want(1), want(5)] })).toEqual([]);
    expect(await give(three, 1)).toEqual([]);
    again.clock.tick();
    expect(again.told).toEqual([grant(1)]);
    expect(await store.claims()).toEqual(['run-2/1 granted', 'run-3/2 waits', 'run-2/5 waits']);
  });

  test('take back what a killed one was granted and had not taken', async () => {
    const store = new Store();
    const [one, two] = [await store.start(1), await store.start(2)];
    await exchange(one, { wanted: [want(1)] });
    await exchange(two, { wanted: [want(1)] });
    wait(two);
    expect(two.told).toEqual([]);
    store.alive.delete(1);
    wait(two);
    expect(two.told).toEqual([grant(1)]);
    expect(await store.claims()).toEqual(['run-1/1 waits', 'run-2/1 granted']);
  });

  test('leave a killed one what it had taken, until it is resumed and gives it back', async () => {
    const store = new Store();
    const [one, two] = [await store.start(1), await store.start(2)];
    await hold(one, 1);
    await exchange(two, { wanted: [want(1)] });
    store.alive.delete(1);
    wait(two);
    expect(two.told).toEqual([]);
    const again = await store.resume(3, 'run-1');
    await again.journal.reconcileTokens(again.lease, { held: [want(1)], wanted: [] });
    wait(two);
    expect(two.told).toEqual([]);
    await give(again, 1);
    two.clock.tick();
    expect(two.told).toEqual([grant(1)]);
  });

  test('leave one that was ended in good order what it had taken and not used, for its journal says that it has it', async () => {
    const store = new Store();
    const [one, two] = [await store.start(1), await store.start(2)];
    await hold(one, 1, null);
    await one.journal.release(one.lease);
    await exchange(two, { wanted: [want(1)] });
    wait(two);
    expect(two.told).toEqual([]);
    const { claims } = await two.journal.pools();
    expect(claims[0]).toMatchObject({ run: 'run-1', taken: true, key: null });
  });

  test('give back what the journal of a resumed one does not say it holds', async () => {
    const store = new Store();
    const [one, two] = [await store.start(1), await store.start(2)];
    await hold(one, 1);
    await exchange(two, { wanted: [want(1)] });
    store.alive.delete(1);
    const again = await store.resume(3, 'run-1');
    await again.journal.reconcileTokens(again.lease, { held: [], wanted: [] });
    expect(await store.claims()).toEqual(['run-2/1 granted']);
  });

  test('keep what a journal says is held, also where the store had forgotten it', async () => {
    const store = new Store();
    const [one, two] = [await store.start(1), await store.start(2)];
    await one.journal.reconcileTokens(one.lease, { held: [{ ...want(1), key: 'key-1' }], wanted: [] });
    expect(await exchange(two, { wanted: [want(1)] })).toEqual([]);
    expect(await store.claims()).toEqual(['run-1/1 holds', 'run-2/1 waits']);
  });

  test('tell a resumed one again what it was granted and had not taken', async () => {
    const store = new Store();
    const one = await store.start(1, { licence: 2 });
    await hold(one, 1);
    await exchange(one, { wanted: [want(2), want(3)] });
    store.alive.delete(1);
    const again = await store.resume(2, 'run-1');
    const open = { held: [want(1)], wanted: [want(2), want(3)] };
    expect(await again.journal.reconcileTokens(again.lease, open)).toEqual([grant(2)]);
  });

  test('on machines that cannot see each other grant only themselves', async () => {
    const store = new Store();
    const one = await store.start(1);
    await store.start(2);
    const elsewhere = await store.resume(3, 'run-2', { machine: 'other' });
    await hold(one, 1);
    await exchange(elsewhere, { wanted: [want(1)] });
    await give(one, 1);
    expect(await store.claims()).toEqual(['run-2/1 waits']);
    elsewhere.clock.tick();
    expect(elsewhere.told).toEqual([grant(1)]);
    await exchange(one, { wanted: [want(2)] });
    wait(one);
    expect(one.told).toEqual([]); // whether the other one lives cannot be seen, so that its grant stays
  });
});

test('a store that breaks in an exchange refuses everything from then on', async () => {
  const store = new Store();
  const one = await store.start(1);
  await hold(one, 1);
  const twice = { point: 2, step: 'solve', attempt: 1, uses: { licence: 1 } };
  // SQLite refuses what is no text.
  const broken = { ...twice, step: { no: 'text' } } as unknown as PoolWant;
  await expect(exchange(one, { wanted: [broken] })).rejects.toMatchObject({ code: 'STORE_UNUSABLE' });
  await expect(give(one, 1)).rejects.toMatchObject({ code: 'STORE_UNUSABLE' });
  expect(await store.claims()).toEqual(['run-1/1 holds']);
});

test('a store of a version that knew no shared pools has none', async () => {
  const folder = temporaryFolder();
  makeOldStore(folder);
  const reader = unwrap(openReader(folder));
  expect(await reader.pools()).toEqual({ runs: [], claims: [] });
  await reader.close();
});

test('a number of arrival never comes back, whoever reads the store anew', async () => {
  const store = new Store();
  const performers = [await store.start(1), await store.start(2)];
  const seen: number[] = [];
  for (let point = 1; point <= 6; point++) {
    const performer = performers[point % 2]!;
    await hold(performer, point);
    seen.push((await performer.journal.pools()).claims[0]!.arrival);
    await give(performer, point);
  }
  expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
});

test('several connections do what the book in memory does, whatever happens', async () => {
  const store = new Store();
  const random = randomSource(7);
  const kinds: readonly Record<string, number>[] = [{ licence: 1 }, { licence: 2, cores: 1 }, { cores: 3 }];
  const pools = { licence: 3, cores: 4 };
  const memory = new MemoryPools({ now_ms: () => 1_700_000_000_000, standingOf: () => 'live' });
  const performers: Performer[] = [];
  for (let pid = 1; pid <= 3; pid++) {
    performers.push(await store.start(pid, pools));
    memory.begin(`run-${pid}`, pools);
  }
  let held = 0;
  for (let step = 1; step <= 400; step++) {
    const { journal, lease } = random.pick(performers);
    const { claims } = await journal.pools();
    const own = claims.filter(({ run }) => run === lease.run);
    const released = own.filter(() => random.chance(0.25));
    const kept = own.filter((claim) => claim.held_ms !== null && !claim.taken && !released.includes(claim));
    const wanted = random.chance(0.6) ? [want(step, random.pick(kinds))] : [];
    const given = { released, bound: kept.map(({ point, step: name }) => ({ point, step: name, key: null })), wanted };
    await journal.exchangeTokens(lease, given);
    await memory.exchangeTokens(lease, given);
    const after = (await journal.pools()).claims;
    expect(after).toEqual(memory.book.claims);
    held += after.filter(({ held_ms }) => held_ms !== null).length;
  }
  expect(held).toBeGreaterThan(400);
});
