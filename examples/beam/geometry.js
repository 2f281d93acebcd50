// The CAD kernel as two functions. It is loaded at the first request, and again after every REQUESTS_PER_WORKER.
import { Worker } from 'node:worker_threads';
import { ToolError } from './state.js';

/** A STEP file written and read costs OpenCascade about 0.5 MB that it does not give back. */
const REQUESTS_PER_WORKER = 200;

let worker;
let served = 0;
let last = Promise.resolve();

/**
 * Makes a box of L x b x h (mm) along x, y, z.
 *
 * @returns the text of its STEP file (not byte-stable: it holds the time) and its volume in mm^3
 */
export function boxToStep(size) {
  return ask('writeBox', size);
}

/**
 * Reads a STEP file.
 *
 * @param step its text
 * @returns `low` and `high` corner of the bounding box (mm), volume (mm^3), number of faces, number of flat faces
 */
export function measureStep(step) {
  return ask('measure', { step });
}

/** Lets the kernel's thread go once it has answered; without this the process would not end. */
export function releaseKernel() {
  last = last.then(stop);
}

/** One request after another; the kernel has one thread. */
function ask(request, input) {
  const answer = last.then(() => send(request, input));
  last = answer.catch(() => {});
  return answer;
}

async function send(request, input) {
  if (served >= REQUESTS_PER_WORKER) await stop();
  worker ??= start();
  served += 1;
  const { output, failure } = await reply(worker, { request, input });
  if (failure !== undefined) throw new ToolError(`The CAD kernel failed: ${failure}`);
  return output;
}

/** stdout of this process belongs to the protocol: what the kernel's thread prints goes to stderr. */
function start() {
  const started = new Worker(new URL('./geometry-worker.js', import.meta.url), { stdout: true });
  started.stdout.pipe(process.stderr);
  started.on('error', () => {}); // `reply` tells the caller
  started.on('exit', () => {
    if (worker === started) worker = undefined;
  });
  served = 0;
  return started;
}

async function stop() {
  const stopped = worker;
  worker = undefined;
  served = 0;
  await stopped?.terminate();
}

function reply(to, message) {
  return new Promise((resolve, reject) => {
    const ended = (cause) => {
      worker = undefined;
      reject(new ToolError(`The CAD kernel stopped: ${cause instanceof Error ? cause.message : `exit ${cause}`}`));
    };
    to.once('error', ended);
    to.once('exit', ended);
    to.once('message', (answer) => {
      to.off('error', ended);
      to.off('exit', ended);
      resolve(answer);
    });
    to.postMessage(message);
  });
}
