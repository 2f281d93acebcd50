import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { withDisk } from '../lib/disk.ts';
import { type Benchmark, difference, type Figure } from '../lib/figures.ts';
import { BenchProject } from '../lib/project.ts';
import { type Look, Watched } from '../lib/watched.ts';

const STEPS = 3;
const RUN = 'bench';
/** Share of the points at which the run is killed. */
const KILLED_AT = 0.95;

/** One long run of the built command line, killed near its end and gone on with: memory, cost of a step, answers about it. */
export const points: Benchmark = {
  name: 'points',
  about:
    'a run of 100,000 points of three steps: memory, cost of early and late steps, resume, status, trace (--points N for fewer)',
  run: ({ points: count, rounds, tell }) =>
    withDisk(async (folder) => {
      const project = new BenchProject(folder, count);
      tell(`a lock of ${count} points is approved`);
      const progress = new Progress(project.journal);
      const first = new Watched(project.run(RUN), project.folder);
      await first.until(() => progress.finished() >= KILLED_AT * count);
      await first.kill();
      tell('killed');
      const resumed = await resumption(project, progress);
      tell(`resumed after ${resumed.seconds.toFixed(1)} s; it goes on to its end`);
      await resumed.process.success();
      const parts = [0.1, 0.5, KILLED_AT].map((share) => partOf(first.looks, progress.timesOf(share, count)));
      const figures = [
        ...parts.map(({ share, rss_mib }) => figure(`memory at ${share}`, 'MiB', [rss_mib], { at_most: 300 })),
        figure('memory of the process that resumes', 'MiB', [peakOf(resumed.process.looks)], { at_most: 300 }),
        figure('processor time of a step, first tenth', 'ms', [parts[0]!.cpu_ms_per_step]),
        figure('processor time of a step, last tenth', 'ms', [parts[2]!.cpu_ms_per_step]),
        figure(
          'a step of the last tenth to one of the first',
          '×',
          [parts[2]!.cpu_ms_per_step / parts[0]!.cpu_ms_per_step],
          {
            at_most: 1.1,
          },
        ),
        figure('resume after a kill, to the first new event', 's', [resumed.seconds], { at_most: 5 }),
      ];
      progress.close();
      return { figures: [...figures, ...(await questions(project, folder, count, rounds))], notes: [] };
    }),
};

function figure(name: string, unit: string, values: number[], target?: Figure['target']): Figure {
  return target === undefined ? { name, unit, values } : { name, unit, values, target };
}

/** From the start of `resume` to the first event that it appends. */
async function resumption(project: BenchProject, progress: Progress): Promise<{ seconds: number; process: Watched }> {
  const before = progress.position();
  const begun = performance.now();
  const process = new Watched(project.resume(RUN), project.folder);
  await process.until(() => progress.position() > before);
  return { seconds: (performance.now() - begun) / 1000, process };
}

/** How much longer `status` and `trace` of a point in the middle take than a Node program that does nothing. */
async function questions(project: BenchProject, folder: string, count: number, rounds: number): Promise<Figure[]> {
  const empty = join(folder, 'empty.mjs');
  writeFileSync(empty, '');
  const asked = {
    empty: [empty],
    status: project.command('status', RUN),
    trace: project.command('trace', RUN, String(Math.ceil(count / 2))),
  };
  const samples: Record<keyof typeof asked, number[]> = { empty: [], status: [], trace: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const name of ['empty', 'status', 'trace'] as const) samples[name].push(await project.timed(asked[name]));
  }
  return (['status', 'trace'] as const).map((name) =>
    difference(`${name} over an empty Node program`, 'ms', samples[name], samples.empty, { at_most: 100 }),
  );
}

interface Part {
  readonly share: string;
  readonly rss_mib: number;
  readonly cpu_ms_per_step: number;
}

/** Of the tenth of the run that ends at a share: the most memory, and the processor time of a step. */
function partOf(looks: readonly Look[], { share, from_ms, to_ms, steps }: Tenth): Part {
  const within = looks.filter(({ wall_ms }) => wall_ms >= from_ms && wall_ms <= to_ms);
  const [first, last] = [within[0], within[within.length - 1]];
  if (first === undefined || last === undefined) throw new Error('too few points: nobody looked in time');
  const cpu_s = last.cpu_s - first.cpu_s;
  const covered = (last.wall_ms - first.wall_ms) / (to_ms - from_ms);
  return {
    share: `${Math.round(share * 100)} %`,
    rss_mib: peakOf(within),
    cpu_ms_per_step: (cpu_s * 1000) / (steps * covered),
  };
}

function peakOf(looks: readonly Look[]): number {
  return Math.max(...looks.map(({ rss_mib }) => rss_mib));
}

interface Tenth {
  readonly share: number;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly steps: number;
}

/** How far the run is, read from its journal by the side. */
class Progress {
  readonly #file: string;
  #database: Database.Database | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  position(): number {
    return this.#ask<{ position: number | null }>('SELECT max(position) AS position FROM events')?.position ?? 0;
  }

  /** Points that have begun and are, but for those in flight, finished: points begin in order. */
  finished(): number {
    const begun =
      "SELECT body FROM events WHERE stream = 'study' AND type = 'point.started' ORDER BY position DESC LIMIT 1";
    const row = this.#ask<{ body: string }>(begun);
    return row === undefined ? 0 : (JSON.parse(row.body) as { point: number }).point;
  }

  /** When the tenth of the run that ends at a share of its points began and ended. */
  timesOf(share: number, count: number): Tenth {
    const begun = (point: number) => {
      const text = 'SELECT wall_ms FROM events WHERE run = ? AND stream = ? AND seq = 1';
      return this.#ask<{ wall_ms: number }>(text, RUN, `point/${Math.max(1, Math.floor(point))}`)!.wall_ms;
    };
    const [from_ms, to_ms] = [begun((share - 0.1) * count), begun(share * count)];
    return { share, from_ms, to_ms, steps: 0.1 * count * STEPS };
  }

  close(): void {
    this.#database?.close();
  }

  #ask<Row>(text: string, ...values: string[]): Row | undefined {
    if (this.#database === null && !existsSync(this.#file)) return undefined;
    try {
      this.#database ??= new Database(this.#file, { readonly: true });
      return this.#database.prepare<string[], Row>(text).get(...values);
    } catch (error) {
      if (/no such table/.test(String(error))) return undefined; // it is just being made
      throw error;
    }
  }
}
