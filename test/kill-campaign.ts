import { expect } from 'vitest';
import { BeamProject, childrenOf } from './beam-project.ts';

const POINTS = 6;

interface Exported {
  readonly points: readonly { readonly point: number; readonly metrics: Readonly<Record<string, number>> }[];
}

/** 32 bits, the same for the same seed (mulberry32); where the kills fall is to be repeatable. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface KillTally {
  engine: number;
  server: number;
  resumes: number;
}

/**
 * Performs plans/beam-small once undisturbed, then so many times with kills of engine and tool server at events that a seed chooses.
 * After each run: the metrics of the undisturbed one, one solver job for each point by the server's own log, and a replay that holds.
 */
export async function killCampaign(options: {
  readonly runs: number;
  readonly kills_per_run: number;
}): Promise<KillTally> {
  const project = new BeamProject('beam-small', { runs: options.runs + 1 });
  project.succeed('run', project.lock, '--trust', project.trust, '--id', 'undisturbed');
  const expected = metricsOf(project, 'undisturbed');
  expect(expected).toHaveLength(POINTS);
  expect(project.solverJobs()).toBe(POINTS);
  const tally: KillTally = { engine: 0, server: 0, resumes: 0 };
  for (let run = 1; run <= options.runs; run += 1) {
    await disturbed(project, `disturbed-${run}`, { kills: options.kills_per_run, random: randomOf(run), tally });
    expect(metricsOf(project, `disturbed-${run}`)).toEqual(expected);
    expect(project.solverJobs()).toBe(POINTS * (run + 1));
    project.succeed('replay', `disturbed-${run}`, '--trust', project.trust);
  }
  return tally;
}

/** Performs one run, killed at events that the seed chooses: the engine, or the tool server while the engine lives on. */
async function disturbed(
  project: BeamProject,
  run: string,
  { kills, random, tally }: { readonly kills: number; readonly random: () => number; readonly tally: KillTally },
): Promise<void> {
  const flags = ['--trust', project.trust, '--jsonl'];
  let args = ['run', project.lock, '--id', run, ...flags];
  for (let left = kills; ; args = ['resume', run, ...flags]) {
    const { child, lines, ended } = project.start(args);
    let until = 1 + Math.floor(random() * 8);
    let killed = false;
    for await (const line of lines) {
      if (killed || line.includes('"type":"version"')) continue; // nothing left to kill; or the run may not have begun yet
      until -= 1;
      if (left === 0 || until !== 0) continue;
      const servers = random() < 0.5 ? childrenOf(child.pid!, 'server.js') : [];
      if (servers.some(kill)) tally.server += 1;
      else if (kill(child.pid!)) {
        killed = true;
        tally.engine += 1;
      } else continue;
      left -= 1;
      until = 1 + Math.floor(random() * 8);
    }
    const status = await ended;
    if (status !== null) {
      expect(status).toBe(0);
      expect(left).toBe(0);
      return;
    }
    tally.resumes += 1;
  }
}

function metricsOf(project: BeamProject, run: string): unknown[] {
  const { points } = project.json<Exported>('export', run);
  return points.map(({ point, metrics }) => ({ point, metrics }));
}

/** Whether there was still something to kill. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
