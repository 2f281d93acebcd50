import { built } from '../lib/build.ts';
import { Contestant } from '../lib/contestant.ts';
import { withDisk } from '../lib/disk.ts';
import type { Benchmark } from '../lib/figures.ts';

const STEPS = 3;
const WIDTH = 50;
const FEW = 1000;
/** What a run costs once, however long it is, is taken off by a shorter one. */
const FEWER = 500;

/** What one more point costs in a short and in a long run, counted and not timed. */
export const operations: Benchmark = {
  name: 'operations',
  about: 'program blocks executed for each step in runs of 1,000 and of 100,000 points (--points N for fewer)',
  run: ({ points, tell }) =>
    withDisk(async (folder) => {
      const { operations: file } = await built('operations');
      const counted = async (count: number): Promise<number> => {
        const contestant = await Contestant.start({ name: 'operations', argv: [process.execPath, file, folder] });
        try {
          const load = { points: count, steps: STEPS, width: WIDTH };
          const { operations: total } = await contestant.ask<{ operations: number }>(load);
          tell(`${count} points: ${total} operations`);
          return total;
        } finally {
          await contestant.stop();
        }
      };
      const fewer = await counted(FEWER);
      const few = ((await counted(FEW)) - fewer) / ((FEW - FEWER) * STEPS);
      const many = ((await counted(points)) - fewer) / ((points - FEWER) * STEPS);
      return {
        figures: [
          { name: `operations of a step, ${FEW} points`, unit: 'blocks', values: [few] },
          { name: `operations of a step, ${points} points`, unit: 'blocks', values: [many] },
          { name: 'the second to the first', unit: '×', values: [many / few], target: { at_most: 1.1 } },
        ],
        notes: [],
      };
    }),
};
