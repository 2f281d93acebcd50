/*
 * Plays seeds of the simulation.
 *
 *   npx tsx test/simulation/run.ts --seed 42 --trace        one seed, and everything that happens in it
 *   npx tsx test/simulation/run.ts --from 1 --count 1000    many, and what they met
 */
import { parseArgs } from 'node:util';
import { campaignText, playSeeds } from './campaign.ts';
import { Simulation } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

if (values.seed === undefined) {
  const campaign = await playSeeds(Number(values.from), Number(values.count));
  console.log(values.json ? JSON.stringify(campaign) : campaignText(campaign));
  process.exitCode = campaign.failed.length === 0 ? 0 : 1;
} else {
  const trace = values.trace ? { trace: (line: string) => console.log(line) } : {};
  try {
    const { store, engines } = await new Simulation(Number(values.seed), trace).run();
    console.log(`Seed ${values.seed} holds: ${store.rows.length} events, ${engines.length} processes.`);
  } catch (error) {
    console.error(`Seed ${values.seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exitCode = 1;
  }
}
