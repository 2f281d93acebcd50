import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { metBy } from './coverage.ts';
import { Simulation } from './simulation.ts';

/** What came out of many seeds. */
export interface Campaign {
  seeds: number;
  readonly failed: { readonly seed: number; readonly message: string }[];
  /** Number of seeds that met each. */
  readonly met: Record<string, number>;
  readonly totals: { events: number; sends: number; effects: number; processes: number; folds: number; days: number };
}

const MOST_FAILED = 5;

export function newCampaign(): Campaign {
  const totals = { events: 0, sends: 0, effects: 0, processes: 0, folds: 0, days: 0 };
  return { seeds: 0, failed: [], met: {}, totals };
}

/** Plays seeds one after another, in this process; gives up after a few that failed. */
export async function playSeeds(from: number, count: number): Promise<Campaign> {
  const campaign = newCampaign();
  for (let seed = from; seed < from + count && campaign.failed.length < MOST_FAILED; seed += 1) {
    const simulation = new Simulation(seed);
    try {
      await simulation.run();
    } catch (error) {
      campaign.failed.push({ seed, message: error instanceof Error ? error.message : String(error) });
    }
    note(campaign, simulation);
  }
  return campaign;
}

function note(campaign: Campaign, simulation: Simulation): void {
  const { totals, met } = campaign;
  campaign.seeds += 1;
  totals.events += simulation.store.rows.length;
  totals.sends += simulation.world.counts.sends;
  totals.effects += simulation.world.counts.effects;
  totals.processes += simulation.engines.length;
  totals.folds += simulation.counts.folds;
  totals.days += simulation.time.monotonic_ms() / 86_400_000;
  for (const name of metBy(simulation)) met[name] = (met[name] ?? 0) + 1;
}

/** Plays seeds in so many processes. @param onPart told after each part */
export async function playCampaign(
  { from, count, processes }: { readonly from: number; readonly count: number; readonly processes: number },
  onPart: (sum: Campaign) => void = () => undefined,
): Promise<Campaign> {
  const sum = newCampaign();
  const size = Math.min(1000, Math.ceil(count / processes));
  const parts = Array.from({ length: Math.ceil(count / size) }, (_, part) => part * size);
  const work = async (): Promise<void> => {
    for (let at = parts.shift(); at !== undefined && sum.failed.length === 0; at = parts.shift()) {
      add(sum, await playElsewhere(from + at, Math.min(size, count - at)));
      onPart(sum);
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
  return sum;
}

async function playElsewhere(from: number, count: number): Promise<Campaign> {
  const script = fileURLToPath(new URL('run.ts', import.meta.url));
  const argv = ['--import', 'tsx', script, '--from', String(from), '--count', String(count), '--json'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  try {
    return JSON.parse(output) as Campaign;
  } catch {
    const message = `the process that played seeds ${from} to ${from + count - 1} ended with ${child.signalCode ?? `status ${child.exitCode}`}`;
    return { ...newCampaign(), failed: [{ seed: from, message }] };
  }
}

function add(sum: Campaign, part: Campaign): void {
  sum.seeds += part.seeds;
  sum.failed.push(...part.failed);
  for (const [name, count] of Object.entries(part.met)) sum.met[name] = (sum.met[name] ?? 0) + count;
  for (const name of Object.keys(sum.totals) as (keyof Campaign['totals'])[]) sum.totals[name] += part.totals[name];
}

/** The command that plays a seed alone and prints what happens in it. */
export function repeatCommand(seed: number): string {
  return `npx tsx test/simulation/run.ts --seed ${seed} --trace`;
}

/** A campaign as text: totals, what was met, what failed and how to see it again. */
export function campaignText({ seeds, failed, met, totals }: Campaign): string {
  const count = (number: number) => Math.round(number).toLocaleString('en');
  const shares = Object.entries(met)
    .sort(([, a], [, b]) => b - a)
    .map(([name, number]) => `  ${((100 * number) / seeds).toFixed(1).padStart(5)} %  ${name}`);
  const failures = failed.map(({ seed, message }) => `seed ${seed}: ${message}\n  ${repeatCommand(seed)}`);
  return [
    `${count(seeds)} seeds: ${count(totals.processes)} processes, ${count(totals.events)} events, ${count(totals.sends)} sendings, ${count(totals.effects)} effects, ${count(totals.folds)} full folds, ${count(totals.days)} days of virtual time; ${failed.length} failed`,
    ...shares,
    ...failures,
  ].join('\n');
}
