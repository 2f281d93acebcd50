import { built } from '../lib/build.ts';
import { Contestant } from '../lib/contestant.ts';
import { withDisk } from '../lib/disk.ts';
import type { Benchmark } from '../lib/figures.ts';

const POINTS = 1000;

/** How close to the shortest possible schedule a study with two pools comes. */
export const makespan: Benchmark = {
  name: 'makespan',
  about: '1,000 points of 0.2 s that hold tokens of two pools, against the lower bound',
  run: ({ rounds, tell }) =>
    withDisk(async (folder) => {
      const { makespan: file } = await built('makespan');
      const contestant = await Contestant.start({ name: 'makespan', argv: [process.execPath, file, folder] });
      const ask = (points: number) => contestant.ask<{ seconds: number; lower_bound_s: number }>({ points });
      try {
        await ask(20); // warms up
        const values: number[] = [];
        for (let round = 1; round <= rounds; round += 1) {
          const { seconds, lower_bound_s } = await ask(POINTS);
          values.push(seconds / lower_bound_s);
          tell(`round ${round}: ${seconds.toFixed(2)} s, the lower bound is ${lower_bound_s.toFixed(2)} s`);
        }
        const name = `makespan of ${POINTS} points to the lower bound`;
        return { figures: [{ name, unit: '×', values, target: { at_most: 1.03 } }], notes: [] };
      } finally {
        await contestant.stop();
      }
    }),
};
