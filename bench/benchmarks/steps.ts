import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { built } from '../lib/build.ts';
import { Contestant, fittingTurn, playRound, type Turn } from '../lib/contestant.ts';
import { withDisk } from '../lib/disk.ts';
import { type Benchmark, type Figure, type Options, ratio, summaryOf } from '../lib/figures.ts';
import type { Server } from '../lib/server.ts';
import { INSTALL, type Peer, PEERS } from '../peers/peers.ts';

const STEPS = 10;
const SLICES = 4;
const WIDTHS = [1, 50] as const;
type Width = (typeof WIDTHS)[number];

/** A contestant with what it does in a round, and its rates, for each width. */
interface Entered {
  readonly contestant: Contestant;
  readonly kind: 'disk' | 'own' | 'peer';
  readonly servers: readonly Server[];
  readonly turns: Readonly<Record<Width, Turn>>;
  readonly rates: Readonly<Record<Width, number[]>>;
}

/** Durable steps that do nothing, per second, beside the disk and beside other engines, in turn within each round. */
export const steps: Benchmark = {
  name: 'steps',
  about: 'durable no-op steps per second, one by one and 50 wide, beside single SQLite commits and other engines',
  run: (options) =>
    withDisk(async (folder) => {
      const entered: Entered[] = [];
      const notes = [`A workflow (a point) has ${STEPS} steps, one after another; 50 wide is 50 workflows at once.`];
      try {
        const files = await built('commits', 'embedded');
        for (const [name, kind, file] of [
          ['single commits', 'disk', files.commits],
          ['expctl', 'own', files.embedded],
        ] as const) {
          const contestant = await Contestant.start({ name, argv: [process.execPath, file, folder] });
          entered.push(await enter(contestant, kind, [], options));
        }
        for (const peer of PEERS) {
          const missing = peer.missing();
          if (missing === null) {
            notes.push(`${peer.name}: ${peer.version()}`);
            entered.push(await enterPeer(peer, folder, options));
          } else notes.push(`${peer.name}: not installed (${missing} is missing): run ${INSTALL}`);
        }
        for (let round = 1; round <= options.rounds; round += 1) {
          for (const width of WIDTHS) await playAll(entered, width, round, options);
        }
        return { figures: figuresOf(entered), notes };
      } finally {
        for (const { contestant, servers } of entered.reverse()) {
          await contestant.stop();
          for (const server of servers) await server.stop();
        }
      }
    }),
};

async function enterPeer(peer: Peer, folder: string, options: Options): Promise<Entered> {
  const place = join(folder, peer.name.replace(/\W+/g, '-'));
  mkdirSync(place, { mode: 0o755 });
  const { command, servers } = await peer.start(place);
  try {
    return await enter(await Contestant.start(command), 'peer', servers, options);
  } catch (error) {
    for (const server of servers) await server.stop();
    throw error;
  }
}

async function enter(
  contestant: Contestant,
  kind: Entered['kind'],
  servers: readonly Server[],
  { seconds, tell }: Options,
): Promise<Entered> {
  const fit = (width: Width) => fittingTurn(contestant, width, { steps: STEPS, seconds, slices: SLICES });
  const turns = { 1: await fit(1), 50: await fit(50) };
  const inWords = ({ load, slices }: Turn) => `${slices} times ${load.workflows} workflows`;
  tell(`${contestant.name} is warm; a round is ${inWords(turns[1])} one by one, ${inWords(turns[50])} 50 wide`);
  return { contestant, kind, servers, turns, rates: { 1: [], 50: [] } };
}

async function playAll(entered: readonly Entered[], width: Width, round: number, { tell }: Options): Promise<void> {
  const rates = await playRound(entered.map(({ contestant, turns }) => ({ contestant, turn: turns[width] })));
  for (const [index, rate] of rates.entries()) entered[index]!.rates[width].push(rate);
  const line = entered.map(({ contestant }, index) => `${contestant.name} ${rates[index]!.toFixed(0)}`);
  tell(`round ${round}, ${width} wide: ${line.join(', ')}`);
}

function figuresOf(entered: readonly Entered[]): Figure[] {
  const figures: Figure[] = [];
  for (const width of WIDTHS) {
    for (const { contestant, kind, rates } of entered) {
      if (kind === 'disk' && width > 1) continue;
      const name =
        kind === 'disk' ? 'single SQLite commits' : `${contestant.name}, ${width === 1 ? 'one by one' : '50 wide'}`;
      const target = kind === 'own' && width === 50 ? { target: { at_least: 10_000 } } : {};
      figures.push({ name, unit: kind === 'disk' ? 'commits/s' : 'steps/s', values: rates[width], ...target });
    }
  }
  const own = entered.find(({ kind }) => kind === 'own')!;
  const disk = entered.find(({ kind }) => kind === 'disk')!;
  figures.push(ratio('expctl one by one to single commits', own.rates[1], disk.rates[1], { at_least: 0.5 }));
  for (const width of WIDTHS) {
    const best = bestPeer(entered, width);
    if (best === null) continue;
    const name = `expctl to ${best.contestant.name}, the best peer, ${width === 1 ? 'one by one' : '50 wide'}`;
    figures.push(ratio(name, own.rates[width], best.rates[width], width === 50 ? { at_least: 5 } : undefined));
  }
  return figures;
}

function bestPeer(entered: readonly Entered[], width: Width): Entered | null {
  const median = ({ rates }: Entered) => summaryOf(rates[width]).median;
  const peers = entered.filter(({ kind }) => kind === 'peer').sort((a, b) => median(b) - median(a));
  return peers[0] ?? null;
}
