import { fileURLToPath } from 'node:url';
import { built } from '../lib/build.ts';
import { Contestant, fittingTurn, playRound, type Turn } from '../lib/contestant.ts';
import { withDisk } from '../lib/disk.ts';
import type { Benchmark, Figure, Options } from '../lib/figures.ts';
import type { Kind } from '../own/noop-tools.ts';

const STEPS = 10;
/** One run each: every run starts its server anew, and one that is cold is no measure. */
const SLICES = 1;
const WIDTHS = [1, 16] as const;
const TARGET = { at_least: 85 };
const KINDS: Readonly<Record<Kind, { tool: string; bare: string }>> = {
  mcp: { tool: 'MCP tool', bare: 'bare MCP client' },
  silent: { tool: 'process tool, silent', bare: 'bare spawn, silent' },
  answering: { tool: 'process tool, answering', bare: 'bare spawn, answering' },
};
const server = fileURLToPath(new URL('../own/noop-server.mjs', import.meta.url));

/** Calls of tools that do nothing, through the adapters, beside the same calls without expctl and expctl without a tool. */
export const tools: Benchmark = {
  name: 'tools',
  about: 'no-op MCP and process tools, one by one and 16 wide, beside a bare client and a bare spawn',
  run: (options) =>
    withDisk(async (folder) => {
      const files = await built('embedded', 'tool', 'bare');
      const started: Contestant[] = [];
      const start = async (name: string, ...argv: string[]) => {
        const contestant = await Contestant.start({ name, argv: [process.execPath, ...argv] });
        started.push(contestant);
        return contestant;
      };
      try {
        const own = await start('expctl without a tool', files.embedded, folder);
        const figures: Figure[] = [];
        for (const kind of Object.keys(KINDS) as Kind[]) {
          const tool = await start(KINDS[kind].tool, files.tool, folder, kind, server);
          const bare = await start(KINDS[kind].bare, files.bare, kind, server);
          for (const width of WIDTHS) figures.push(...(await compared({ own, tool, bare }, width, options)));
        }
        const notes = [
          'The most that can be reached is 1 / (1 / bare + 1 / expctl without a tool), in the same round.',
        ];
        return { figures, notes };
      } finally {
        for (const contestant of started) await contestant.stop();
      }
    }),
};

interface Compared {
  readonly own: Contestant;
  readonly tool: Contestant;
  readonly bare: Contestant;
}

async function compared({ own, tool, bare }: Compared, width: number, options: Options): Promise<Figure[]> {
  const contestants = [own, tool, bare];
  const turns: Turn[] = [];
  for (const contestant of contestants) {
    turns.push(await fittingTurn(contestant, width, { steps: STEPS, seconds: options.seconds, slices: SLICES }));
  }
  const rates: number[][] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    rates.push(await playRound(contestants.map((contestant, index) => ({ contestant, turn: turns[index]! }))));
    const line = contestants.map(({ name }, index) => `${name} ${rates.at(-1)![index]!.toFixed(0)}`);
    options.tell(`round ${round}, ${width} wide: ${line.join(', ')}`);
  }
  const column = (index: number) => rates.map((round) => round[index]!);
  const how = width === 1 ? 'one by one' : `${width} wide`;
  const shares = rates.map(([engine, through, without]) => through! * (1 / without! + 1 / engine!) * 100);
  return [
    { name: `expctl without a tool, ${how}`, unit: 'steps/s', values: column(0) },
    { name: `${bare.name}, ${how}`, unit: 'calls/s', values: column(2) },
    { name: `${tool.name}, ${how}`, unit: 'steps/s', values: column(1) },
    { name: `${tool.name}, ${how}, of the most that can be`, unit: '%', values: shares, target: TARGET },
  ];
}
