import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { makespan } from './benchmarks/makespan.ts';
import { operations } from './benchmarks/operations.ts';
import { points } from './benchmarks/points.ts';
import { startup } from './benchmarks/startup.ts';
import { steps } from './benchmarks/steps.ts';
import { tools } from './benchmarks/tools.ts';
import type { Benchmark } from './lib/figures.ts';
import { documentOf, machineLine, type Measured, tableOf } from './lib/report.ts';

/*
 * npm run bench [-- NAME...] [--rounds N] [--seconds S] [--points N] [--json FILE]
 *
 * Measures expctl beside what limits it and beside its peers. What is compared is measured in turn within each round, and ratios are
 * taken within a round, so that a machine that others use as well tells the same. Progress goes to standard error.
 */
const BENCHMARKS: readonly Benchmark[] = [startup, steps, tools, makespan, operations, points];

const USAGE = `npm run bench [-- NAME...] [--rounds N] [--seconds S] [--points N] [--json FILE]

${BENCHMARKS.map(({ name, about }) => `  ${name.padEnd(9)} ${about}`).join('\n')}
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      points: { type: 'string', default: '100000' },
      json: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return void process.stdout.write(USAGE);
  const unknown = positionals.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (unknown !== undefined) throw new Error(`There is no benchmark ${unknown}.\n${USAGE}`);
  const [rounds, seconds, points] = [values.rounds, values.seconds, values.points].map(Number) as [
    number,
    number,
    number,
  ];
  const chosen = BENCHMARKS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const measured: Measured[] = [];
  process.stdout.write(`${machineLine()}\n`);
  for (const benchmark of chosen) {
    const begun = performance.now();
    const tell = (line: string) =>
      process.stderr.write(`${benchmark.name} ${((performance.now() - begun) / 1000).toFixed(0)} s: ${line}\n`);
    const outcome = await benchmark.run({ rounds, seconds, points, tell });
    measured.push({ benchmark: benchmark.name, ...outcome });
    process.stdout.write(`\n${tableOf(measured.at(-1)!)}\n`);
    // Written after each benchmark: a long one that fails loses nothing of those before it.
    if (values.json !== undefined) writeFileSync(values.json, documentOf(measured, { rounds, seconds }));
  }
}

await main();
