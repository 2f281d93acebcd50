// Solver jobs: detached processes that outlive the server. One folder per job, runs/RUN_ID:
//
//   claim.json    what to solve, and who claimed it        made once, before anything is started
//   spawned.json  the process that was started last        by the server, after each start
//   started.json  the process that does the work           made once, by the job: a second copy sees it and ends
//   exit.json     {status, message}                        by the job, last; the result is already in results/
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isAlive, stampOf } from './process-stamp.js';
import { createFile, idOf, readJson, replaceFile, ToolError, toJson } from './state.js';

const JOB = fileURLToPath(new URL('./job.js', import.meta.url));

export function jobFolder(root, run_id) {
  return `${root}/runs/${run_id}`;
}

/**
 * Writes down what is to be solved, and with which solver; the first claim holds.
 * A key is one job, for ever: a retry that wants a new job brings a new key.
 *
 * @param findSolver asked only if the key is new
 */
export function claimJob(root, key, inputs, findSolver) {
  const run_id = idOf('run', { key });
  const file = `${jobFolder(root, run_id)}/claim.json`;
  if (existsSync(file)) return run_id;
  const solver = findSolver();
  createFile(
    file,
    toJson({ run_id, key, result_id: idOf('result', { run_id }), inputs, solver, claimed_by: stampOf(process.pid) }),
  );
  return run_id;
}

/**
 * Starts the job of a claim unless one has started. If the server died after an earlier start and before that job could say
 * so, there are two copies for a moment; they agree through started.json which one works.
 */
export function ensureStarted(root, run_id) {
  const folder = jobFolder(root, run_id);
  if (existsSync(`${folder}/started.json`) || isAlive(readJson(`${folder}/spawned.json`))) return;
  const log = openSync(`${folder}/job.log`, 'a');
  try {
    const child = spawn(process.execPath, [JOB, root, run_id], {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: folder,
    });
    child.on('error', () => {}); // no pid below
    child.unref();
    if (child.pid === undefined) throw new ToolError(`The job of ${run_id} could not be started.`);
    replaceFile(`${folder}/spawned.json`, toJson(stampOf(child.pid) ?? { pid: child.pid, since: 'ended' }));
  } finally {
    closeSync(log);
  }
}

/**
 * How a job is, from files and from whether its process lives: the answer survives the server.
 *
 * @returns status and a sentence; `lost` if it ended without a word
 */
export function jobStatus(root, run_id) {
  const folder = jobFolder(root, run_id);
  const claim = readJson(`${folder}/claim.json`);
  if (claim === undefined) throw new ToolError(`There is no run ${run_id}.`);
  for (;;) {
    const started = readJson(`${folder}/started.json`);
    const alive = isAlive(started ?? readJson(`${folder}/spawned.json`) ?? claim.claimed_by);
    const exit = readJson(`${folder}/exit.json`); // read after the look at the process, which writes it before it ends
    if (exit !== undefined) return exit;
    if (alive) return { status: 'running', message: started ? 'The solver is at work.' : 'The job is starting.' };
    if (started !== undefined || !existsSync(`${folder}/started.json`)) return { status: 'failed', message: 'lost' };
  }
}

/** The result of a job that is done. */
export function resultOf(root, run_id) {
  const { status, message } = jobStatus(root, run_id);
  if (status !== 'done') throw new ToolError(`Run ${run_id} has no result, it is ${status}: ${message}`);
  return readJson(`${jobFolder(root, run_id)}/claim.json`).result_id;
}
