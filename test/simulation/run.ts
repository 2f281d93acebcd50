import { parseArgs } from 'node:util';
import { Simulation } from './simulation.ts';
import { Violation } from './violation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
});
const trace = values.trace ? { trace: (line: string) => console.log(line) } : {};
const first = Number(values.seed ?? values.from);
let failed = 0;
const start = performance.now();
for (let seed = first; seed < first + Number(values.count); seed += 1) {
  try {
    const simulation = await new Simulation(seed, trace).run();
    if (values.trace) console.log(simulation.counts, simulation.store.rows.length);
  } catch (error) {
    failed += 1;
    console.log(`seed ${seed}: ${error instanceof Violation ? error.message : (error as Error).stack}`);
    if (failed >= 15) break;
  }
}
console.log(`${failed} failed, ${((performance.now() - start) / Number(values.count)).toFixed(2)} ms per seed`);
