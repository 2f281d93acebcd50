import { describe, expect, test } from 'vitest';
import type { PointFact, StudyFact } from '../../src/ir/events.ts';
import { grantable, newPools, nextGrant, releaseTokens, takeGrant, wantTokens } from '../../src/kernel/pools.ts';
import { RunMachine } from '../../src/kernel/run.ts';
import { assertGolden } from '../golden.ts';
import { type Made, makeCall, makeLock, makeStep, settledLines, shown, STARTED } from './support.ts';

/** A run by hand, with what every fact led to as lines. */
class Run {
  readonly machine: RunMachine;
  readonly lines: string[] = [];

  constructor({ program }: Made) {
    this.machine = new RunMachine(program);
    this.take(null, STARTED);
  }

  take(point: number | null, fact: StudyFact | PointFact): this {
    const settled = this.machine.settle(point, fact);
    this.lines.push(`> ${shown(fact)}`, ...settledLines(settled));
    return this;
  }

  answer(point: number, step: string, attempt = 1): this {
    const outcome = { ok: true, answer: { mass: point }, artifacts: [] } as const;
    return this.take(point, {
      type: 'effect.answered',
      step,
      part: 'call',
      attempt,
      outcome: { ...outcome, artifacts: [] },
    });
  }

  get text(): string {
    return `${this.lines.join('\n')}\n`;
  }
}

const PAUSED: StudyFact = { type: 'run.paused', by: 'alice', reason: '' };
const RESUMED: StudyFact = { type: 'run.resumed', by: 'alice' };

describe('pools', () => {
  const want = (point: number, uses: Record<string, number>) => ({ point, step: 's', uses });

  test('K2: all or nothing, and first come, first served: a wide want is not overtaken', () => {
    const pools = newPools({ cores: 4, licences: 1 });
    const wants = [
      want(1, { cores: 3 }),
      want(2, { cores: 1, licences: 1 }),
      want(3, { cores: 4 }),
      want(4, { cores: 1 }),
    ];
    for (const one of wants) wantTokens(pools, one);
    const granted: number[] = [];
    const grantAll = () => {
      for (let next = nextGrant(pools); next !== null; next = nextGrant(pools)) {
        takeGrant(pools, next);
        granted.push(next.point);
      }
    };
    grantAll();
    expect(granted).toEqual([1, 2]);
    releaseTokens(pools, 1, 's');
    grantAll();
    expect(granted, 'point 4 would fit and has to wait').toEqual([1, 2]);
    releaseTokens(pools, 3, 's');
    grantAll();
    expect(granted, 'a want that is taken back lets the next through').toEqual([1, 2, 4]);
    releaseTokens(pools, 2, 's');
    releaseTokens(pools, 4, 's');
    expect(pools).toEqual({ free: { cores: 4, licences: 1 }, held: {}, waiting: [] });
  });

  test('only what waits can be taken, and what is not held cannot be given back', () => {
    const pools = newPools({ cores: 1 });
    wantTokens(pools, want(1, { cores: 1 }));
    expect(() => takeGrant(pools, want(1, { cores: 1 }))).toThrow(/only a want that waits/);
    releaseTokens(pools, 7, 's');
    expect(pools.free).toEqual({ cores: 1 });
  });

  test('a journal may grant a want out of turn, but none that does not wait or whose tokens are not free', () => {
    const pools = newPools({ cores: 2 });
    for (const [point, cores] of [
      [1, 2],
      [2, 1],
      [3, 2],
    ] as const)
      wantTokens(pools, want(point, { cores }));
    const second = grantable(pools, 2, 's');
    expect(second).toEqual(want(2, { cores: 1 }));
    takeGrant(pools, second!);
    expect([grantable(pools, 2, 's'), grantable(pools, 3, 's'), grantable(pools, 9, 's')]).toEqual([null, null, null]);
    expect(pools.free).toEqual({ cores: 1 });
  });

  test('parts are granted by the store in whatever order they come, though their sum is rounded', () => {
    for (const parts of [
      [0.1, 0.2],
      [0.2, 0.1],
    ]) {
      const pools = newPools({ share: 0.3 });
      for (const [point, share] of parts.entries()) wantTokens(pools, { point, step: 's', uses: { share } });
      for (const point of parts.keys()) takeGrant(pools, grantable(pools, point, 's')!);
      wantTokens(pools, { point: 3, step: 's', uses: { share: 0.000001 } });
      expect(grantable(pools, 3, 's')).toBeNull();
    }
  });

  test('a pool that does not exist is never granted', () => {
    const pools = newPools({});
    wantTokens(pools, want(1, { cores: 1 }));
    expect(nextGrant(pools)).toBeNull();
  });
});

describe('the machines of a run together', () => {
  const pooled = () =>
    makeLock({ pools: { cores: 1 }, in_flight: 2, pipeline: [makeStep('solve', { uses: { cores: 1 } })] });

  test('tokens go from point to point', () => {
    const run = new Run(pooled()).answer(1, 'solve').answer(2, 'solve').answer(3, 'solve');
    assertGolden('kernel/run-pools.txt', run.text);
  });

  test('a run that is resumed starts new points, which are not told of it', () => {
    const run = new Run(makeLock({ in_flight: 1 }, { explore: 2 })).take(null, PAUSED).answer(1, 'solve');
    assertGolden('kernel/run-resumed.txt', run.take(null, RESUMED).answer(2, 'solve').text);
  });

  test('a cancel gives no token to anybody', () => {
    const run = new Run(pooled()).take(null, { type: 'run.cancelled', by: 'alice', reason: '' });
    expect(run.lines.filter((line) => line.includes('step.granted'))).toHaveLength(1);
    expect(run.answer(1, 'solve').lines.at(-1)).toMatch(/FINISH status="cancelled"/);
  });

  test('a point that fails before its turn has come leaves no want behind', () => {
    const bad = makeStep('bad', { call: makeCall('t/bad', { with: { a: '=1 / (x - 2)' } }) });
    const made = makeLock({ pools: { cores: 1 }, pipeline: [makeStep('solve', { uses: { cores: 1 } }), bad] });
    const run = new Run(made);
    expect(run.machine.pools.waiting.map((want) => want.point)).toEqual([3]);
    expect([...run.machine.points.keys()]).toEqual([1, 3]);
  });

  test('the order in which points finish is that of the journal', () => {
    const forth = new Run(makeLock()).answer(1, 'solve').answer(2, 'solve').answer(3, 'solve');
    const back = new Run(makeLock()).answer(3, 'solve').answer(2, 'solve').answer(1, 'solve');
    expect(back.lines).not.toEqual(forth.lines);
    expect(back.machine.study).toEqual(forth.machine.study);
  });
});
