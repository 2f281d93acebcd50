import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import { unwrap } from '../../../src/base/result.ts';
import type { Clock, Lease, NewEvent, PoolGrant, PoolWant } from '../../../src/engines/ports.ts';
import { eventOf, pointOf, pointStream, type PointFact } from '../../../src/ir/events.ts';
import { STARTED, runRow } from './support.ts';

/**
 * A process that performs a run of its own, for pools-processes.test.ts: it wants tokens of a licence of two, uses them outside (a file
 * in `used`, which outlives it) and gives them back, until it is killed. The next process of the run goes on where its journal stands.
 *
 *   FOLDER RUN work    until it is killed; prints `used` for every use
 *   FOLDER RUN end     finishes what is held and wanted, and ends the run
 *
 * More users than there are tokens are printed as `TOO MANY`.
 */
const TOKENS = 2;
const AT_ONCE = 3;

const [folder, run, mode] = process.argv.slice(2) as [string, string, 'work' | 'end'];
const used = join(folder, 'used');
const clock: Clock = {
  now_ms: () => Date.now(),
  monotonic_ms: () => performance.now(),
  after: (seconds, fire) => {
    const timer = setTimeout(fire, seconds * 1000);
    return () => clearTimeout(timer);
  },
};
mkdirSync(used, { recursive: true });
const journal = openJournal(folder, { clock, process: thisProcess() });
const lease = await begin();
const wanted = new Map<number, PoolWant>();
const held = new Map<number, PoolWant>();
let points = 0;
await recover();
const left = [...held.keys()];
journal.onTokens(lease, (grants) => void take(grants));
await take(await journal.reconcileTokens(lease, { held: [...held.values()], wanted: [...wanted.values()] }));
for (const point of left) void use(point);
if (mode === 'work') for (let want = wanted.size + held.size; want < AT_ONCE; want++) void next();
else if (wanted.size + held.size === 0) await end();

async function begin(): Promise<Lease> {
  const runs = await journal.runs();
  if (runs.some((row) => row.run === run)) return unwrap(await journal.acquire(run));
  return unwrap(await journal.createRun(runRow(run, `request of ${run}`), 1, [STARTED], { licence: TOKENS }));
}

/** By the journal: what began and did not end wants tokens, or has them once it was granted. */
async function recover(): Promise<void> {
  for await (const row of journal.read(run)) {
    const point = pointOf(row.stream);
    const event = eventOf(row);
    if (point === null) continue;
    points = Math.max(points, point);
    if (event.type === 'point.began') wanted.set(point, wantOf(point));
    if (event.type === 'step.granted') held.set(point, wantOf(point));
    if (event.type === 'step.granted') wanted.delete(point);
    if (event.type === 'point.cancelled') held.delete(point);
  }
}

/** Every fourth one wants both tokens. */
function wantOf(point: number): PoolWant {
  return { point, step: 'solve', attempt: 1, uses: { licence: point % 4 === 0 ? TOKENS : 1 } };
}

async function next(): Promise<void> {
  points += 1;
  const want = wantOf(points);
  wanted.set(want.point, want);
  const began = journal.append(lease, [event(want.point, { type: 'point.began', point: want.point, values: {} })]);
  const grants = journal.exchangeTokens(lease, { released: [], bound: [], wanted: [want] });
  await began;
  await take(await grants);
}

async function take(grants: readonly PoolGrant[]): Promise<void> {
  for (const { point, step } of grants) {
    const want = wanted.get(point);
    if (want === undefined || held.has(point)) return say(`TOLD TWICE of ${run} ${point}`);
    wanted.delete(point);
    held.set(point, want);
    const granted = journal.append(lease, [event(point, { type: 'step.granted', step })]);
    const bound = [{ point, step, key: `${run}-${point}` }];
    const bind = journal.exchangeTokens(lease, { released: [], bound, wanted: [] });
    await granted;
    void use(point);
    await take(await bind);
  }
}

/** What runs outside holds one file for each of its tokens. Files that are there already are of the process before. */
async function use(point: number): Promise<void> {
  const files = Array.from({ length: wantOf(point).uses['licence']! }, (_, token) =>
    join(used, `${run}-${point}-${token}`),
  );
  for (const file of files) if (!existsSync(file)) writeFileSync(file, '');
  const now = readdirSync(used);
  if (now.length > TOKENS) say(`TOO MANY: ${now.join(' ')}`);
  say('used');
  await new Promise((resolve) => setTimeout(resolve, 5 + (point % 7) * 3));
  for (const file of files) rmSync(file);
  held.delete(point);
  // Point.cancelled stands for the end of the effect: the store does not judge what is written.
  const ended = journal.append(lease, [event(point, { type: 'point.cancelled' })]);
  const released = [{ point, step: 'solve' }];
  const grants = journal.exchangeTokens(lease, { released, bound: [], wanted: [] });
  await ended;
  await take(await grants);
  if (mode === 'work') await next();
  else if (wanted.size + held.size === 0) await end();
}

async function end(): Promise<void> {
  const points_ended = { succeeded: 0, failed: 0, cancelled: 0 };
  const finished = { type: 'run.finished', status: 'stopped', reason: '', points: points_ended } as const;
  await journal.append(lease, [{ stream: 'study', event: finished, observed: {} }]);
  await journal.close();
  process.exit(0);
}

function event(point: number, fact: PointFact): NewEvent {
  return { stream: pointStream(point), event: fact, observed: {} };
}

/** Written before this function returns: what was said happened before the kill. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}
