import { describe, expect, test } from 'vitest';
import { PLANTED, type Planted } from './planted.ts';
import { Simulation } from './simulation.ts';
import { INVARIANTS, Violation } from './violation.ts';

/** The first seed in which a bug breaks what it is to break. */
async function foundAt({ breaks, seeds, mutation }: Planted): Promise<number | null> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    try {
      await new Simulation(seed, { mutation }).run();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      if (error.invariant === breaks) return seed;
    }
  }
  return null;
}

describe('every invariant has a bug that the simulation finds', () => {
  test('none is left out', () => {
    expect([...new Set(PLANTED.map(({ breaks }) => breaks))].sort()).toEqual(Object.keys(INVARIANTS).sort());
  });

  test.each(PLANTED.map((planted) => [planted.bug, planted] as const))('%s', async (_bug, planted) => {
    const seed = await foundAt(planted);
    expect(seed, `not found within ${planted.seeds} seeds`).not.toBeNull();
    console.log(`${planted.breaks}: ${planted.bug}: seed ${seed}`);
  });
});
