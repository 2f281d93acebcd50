import { expect, test } from 'vitest';
import { type ClaimFacts, type PoolsInput, poolsView } from '../../../src/provenance/pools.ts';
import type { RunHolder } from '../../../src/provenance/ports.ts';
import { poolsLines } from '../../../src/ui/run-status/pools-view.ts';
import { styleFor } from '../../../src/ui/style.ts';
import { assertGolden } from '../../golden.ts';

const NOW_MS = 1_700_000_000_000;

function claim(run: string, point: number, uses: Record<string, number>, other: Partial<ClaimFacts> = {}): ClaimFacts {
  const rest = { step: 'solve', attempt: 1, overtaken: 0, held_ms: null, taken: false, key: null };
  return { run, point, uses, arrival: point, wanted_ms: NOW_MS - 1000 * point, ...rest, ...other };
}

function held(minutes: number, key: string | null): Partial<ClaimFacts> {
  return { held_ms: NOW_MS - 60_000 * minutes, taken: true, key };
}

const HOLDERS = new Map<string, RunHolder>([
  ['beam-4f2a9c10', { state: 'live', pid: 4711, machine: 'bench' }],
  ['rib-77aa0b12', { state: 'gone', pid: 815, machine: 'bench' }],
  ['hull-0c0ffee0', { state: 'unknown', pid: 12, machine: 'far' }],
]);

const INPUT: PoolsInput = {
  runs: [
    { run: 'beam-4f2a9c10', pools: { cores: 4, licence: 2 } },
    { run: 'hull-0c0ffee0', pools: { cores: 4 } },
    { run: 'idle-12345678', pools: { gpu: 1 } },
    { run: 'rib-77aa0b12', pools: { cores: 8, licence: 2 } },
  ],
  claims: [
    claim('beam-4f2a9c10', 1, { cores: 1, licence: 1 }, held(200, '0123456789abcdef0123')),
    claim('rib-77aa0b12', 2, { cores: 2, licence: 1 }, { ...held(3, 'fedcba9876543210fedc'), attempt: 2 }),
    claim('beam-4f2a9c10', 3, { licence: 2 }, { step: 'mesh', overtaken: 3 }),
    claim('hull-0c0ffee0', 4, { cores: 1 }, { held_ms: NOW_MS - 400 }),
    claim('rib-77aa0b12', 5, { licence: 1 }),
    claim('beam-4f2a9c10', 6, { cores: 1 }),
    claim('hull-0c0ffee0', 7, { cores: 2 }),
    claim('left-99999999', 8, { cores: 1 }, held(1, null)),
    claim('hull-0c0ffee0', 9, { licence: 1 }, { overtaken: 1 }),
  ],
  holders: HOLDERS,
  only: null,
};

const options = { style: styleFor(false), now_ms: NOW_MS };

test('who holds, who waits, and what nobody gives back', () => {
  assertGolden('run/pools.txt', `${poolsLines(poolsView(INPUT), options).join('\n')}\n`);
});

test('of one run, with what all hold', () => {
  const view = poolsView({ ...INPUT, only: 'hull-0c0ffee0' });
  assertGolden('run/pools-of-run.txt', `${poolsLines(view, options).join('\n')}\n`);
  expect(view.pools).toEqual(poolsView(INPUT).pools);
});

test('the document of --json', () => {
  assertGolden('run/pools.json', `${JSON.stringify(poolsView(INPUT), null, 2)}\n`);
});

test('nothing of a name goes to the terminal as it is', () => {
  const name = 'x\u001b[31m';
  const hostile = {
    ...INPUT,
    runs: [],
    claims: [claim(name, 1, { [name]: 1 }, { step: name }), claim(name, 2, { [name]: 1 }, held(1, name))],
  };
  expect(poolsLines(poolsView(hostile), options).join('\n')).not.toContain('\u001b');
});

test('a store without pools has no lines', () => {
  expect(poolsLines(poolsView({ runs: [], claims: [], holders: new Map(), only: null }), options)).toEqual([]);
});
