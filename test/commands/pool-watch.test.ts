import { expect, test } from 'vitest';
import { standstillText, tellOfStandstill } from '../../src/commands/pool-watch.ts';
import type { RunHolder } from '../../src/engines/ports.ts';
import { type ClaimFacts, poolsView } from '../../src/provenance/pools.ts';
import { StillClock } from '../adapters/sqlite/support.ts';

const LIVE: RunHolder = { state: 'live', pid: 1, machine: 'bench' };
const GONE: RunHolder = { state: 'gone', pid: 2, machine: 'bench' };

function claim(run: string, point: number, held: boolean): ClaimFacts {
  const rest = { step: 'solve', attempt: 1, uses: { licence: 1 }, overtaken: 0, wanted_ms: 0, key: null };
  return { run, point, arrival: point, held_ms: held ? 0 : null, taken: held, ...rest };
}

const RUNS = ['a', 'b'].map((run) => ({ run, pools: { licence: 1 } }));

function text(claims: readonly ClaimFacts[], other: RunHolder): string | null {
  const holders = new Map([
    ['a', LIVE],
    ['b', other],
  ] as const);
  return standstillText(poolsView({ runs: RUNS, claims, holders, only: null }), 'a');
}

test('a run stands still that waits for what others hold, and holds nothing', () => {
  expect(text([claim('b', 1, true), claim('a', 2, false)], LIVE)).toBe(
    'It waits for tokens that b holds; expctl pools shows more.',
  );
  expect(text([claim('b', 1, true), claim('a', 2, false)], GONE)).toContain('which nobody performs');
  expect(text([claim('b', 1, true), claim('a', 2, false)], GONE)).toContain('expctl resume b');
  expect(text([claim('a', 1, true), claim('a', 2, false)], LIVE)).toBeNull();
  expect(text([claim('b', 1, true)], GONE)).toBeNull();
  expect(text([], LIVE)).toBeNull();
});

test('it is told once for each reason, until nobody listens any more', async () => {
  const clock = new StillClock();
  let holder = LIVE;
  let looks = 0;
  const journal = {
    pools: async () => {
      looks += 1;
      return { runs: RUNS, claims: [claim('b', 1, true), claim('a', 2, false)] };
    },
    holder: async (run: string) => (run === 'a' ? LIVE : holder),
  };
  const told: string[] = [];
  const watch = tellOfStandstill({ clock }, { run: 'a', journal }, (line) => told.push(line));
  const look = async (): Promise<void> => {
    const before = looks;
    clock.tick();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(looks - before).toBeLessThanOrEqual(1);
  };
  await look();
  await look();
  expect(told).toHaveLength(1);
  holder = GONE;
  await look();
  expect(told[1]).toContain('expctl resume b');
  watch.stop();
  const before = looks;
  await look();
  expect(looks).toBe(before);
  expect(told).toHaveLength(2);
});
