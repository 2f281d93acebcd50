import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { withDisk } from '../lib/disk.ts';
import { difference, type Benchmark } from '../lib/figures.ts';
import { builtCli } from '../lib/cli.ts';

const WARM_UP = 5;
/** Starts are short: a round of it is so many pairs. */
const PAIRS = 6;

/** How much longer `expctl --version` takes than a Node program that does nothing. */
export const startup: Benchmark = {
  name: 'startup',
  about: 'milliseconds that expctl --version and --help take more than an empty Node program',
  run: ({ rounds }) =>
    withDisk(async (folder) => {
      const empty = join(folder, 'empty.mjs');
      writeFileSync(empty, '');
      const expctl = builtCli();
      const programs = { empty: [empty], version: [expctl, '--version'], help: [expctl, '--help'] };
      const samples: Record<keyof typeof programs, number[]> = { empty: [], version: [], help: [] };
      for (let pair = -WARM_UP; pair < rounds * PAIRS; pair += 1) {
        for (const name of ['empty', 'version', 'help'] as const) {
          const milliseconds = timeOf(programs[name], folder);
          if (pair >= 0) samples[name].push(milliseconds);
        }
      }
      return {
        figures: [
          { name: 'an empty Node program', unit: 'ms', values: samples.empty },
          difference('expctl --version over it', 'ms', samples.version, samples.empty, { at_most: 60 }),
          difference('expctl --help over it', 'ms', samples.help, samples.empty),
        ],
        notes: [],
      };
    }),
};

function timeOf(argv: readonly string[], cwd: string): number {
  const begun = performance.now();
  const { status, stderr } = spawnSync(process.execPath, argv, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`);
  return performance.now() - begun;
}
