import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import type { InboxMessage } from '../../src/engines/ports.ts';
import { assertGolden } from '../golden.ts';
import { designPhase, gatePhase, JOB, type Made, makeCall, makeLock, makeStep } from '../kernel/support.ts';
import { Bench, type Fate, type Process, type Sending, World } from './support.ts';

/*
 * Every order in every state, given from another process: while the run is performed, and while nobody performs it. What the run makes
 * of it stands in test/golden/engines/orders.txt, for people to read.
 */

const RETRY = { attempts: 2, backoff_s: 60, on: ['transient'] };

/** Three points of one call, a gate, and two more; `order` is a call that nothing repeats, `job` a job. */
function made(kind: 'by_key' | 'once' | 'job', changes: Parameters<typeof makeLock>[0] = {}): Made {
  const step =
    kind === 'job'
      ? makeStep('solve', { job: JOB, retry: RETRY })
      : makeStep('solve', { call: makeCall('t/solve', { with: { x: '=x' }, effect: kind }), retry: RETRY });
  return makeLock(
    {
      semantics: 2,
      pipeline: [step],
      study: [designPhase('explore'), gatePhase('pilot'), designPhase('refine')],
      budget: { points: 100, calls: 1000, wall_time_s: null, failed_points: null },
      in_flight: 2,
      ...changes,
    },
    { explore: 3, refine: 2 },
  );
}

interface State {
  readonly name: string;
  readonly made: Made;
  /** What becomes of calls until the order is given; afterwards they are answered. */
  readonly fate: (sending: Sending) => Fate;
  /** Brings the run into the state: performed by a process, or left by it. */
  readonly reach: (bench: Bench) => Promise<Process>;
}

/** Lets it go as far as it goes within a second: not to its end. */
const begun = async (bench: Bench) => (await bench.start()).finish(1);
const left = async (bench: Bench) => {
  const process = await begun(bench);
  process.performance?.stop();
  return process.settle();
};
const paused = async (bench: Bench) => {
  const process = await begun(bench);
  process.performance?.drain('so');
  return process.finish();
};
const ended = async (bench: Bench) => (await bench.start()).finish();
const slow = (): Fate => ({ after_s: 3600 });
const poll = ({ call }: Sending): Fate => (call === 'wait' ? { says: { status: 'running' } } : 'answer');
const fails = ({ arguments: { x } }: Sending): Fate => (x === 2 ? { fail: 'tool_failed' } : 'answer');

const STATES: readonly State[] = [
  { name: 'calls are out', made: made('by_key'), fate: slow, reach: begun },
  { name: 'calls were out when it was left', made: made('by_key'), fate: slow, reach: left },
  { name: 'jobs are polled', made: made('job'), fate: poll, reach: begun },
  { name: 'jobs were polled when it was left', made: made('job'), fate: poll, reach: left },
  { name: 'steps back off', made: made('by_key'), fate: () => ({ fail: 'transient' }), reach: begun },
  {
    name: 'licences are waited for',
    made: made('by_key'),
    fate: () => ({ fail: 'licence_unavailable' }),
    reach: begun,
  },
  { name: 'paused, nobody performs it', made: made('job'), fate: poll, reach: paused },
  { name: 'at a gate, nobody performs it', made: made('by_key'), fate: fails, reach: ended },
  { name: 'effects are unresolved, nobody performs it', made: made('once'), fate: () => 'lose', reach: ended },
  {
    name: 'completed, with a failed point',
    made: made('by_key', { study: [designPhase('explore')] }),
    fate: fails,
    reach: ended,
  },
  {
    name: 'failed: too many points failed',
    made: made('by_key', { budget: { points: 100, calls: 1000, wall_time_s: null, failed_points: 0 } }),
    fate: fails,
    reach: ended,
  },
];

const by = { by: 'bob', reason: 'so' };
const ORDERS: readonly (readonly [name: string, kind: InboxMessage['kind'], body: JsonObject])[] = [
  ['pause', 'pause', by],
  ['pause --now', 'pause', { ...by, now: true }],
  ['resume (of a run that is performed)', 'resume', by],
  ['cancel', 'cancel', by],
  ['cancel --points "point == 2"', 'cancel', { ...by, where: 'point == 2' }],
  ['cancel --phase explore', 'cancel', { ...by, phase: 'explore' }],
  ['cancel --phase pilot', 'cancel', { ...by, phase: 'pilot' }],
  ['gate --outcome continue', 'gate', { outcome: 'continue', gate: 'pilot', occurrence: 1 }],
  ['resolve --as not-done', 'resolve', { point: 1, step: 'solve', as: 'not_done' }],
  ['resolve --as done', 'resolve', { point: 1, step: 'solve', as: 'done', outcome: done() }],
  ['resolve --as failed', 'resolve', { point: 1, step: 'solve', as: 'failed' }],
  ['retry --failed', 'retry', { by: 'bob', points: 'failed' }],
];

function done(): JsonObject {
  return { ok: true, answer: { mass: 5 }, artifacts: [] };
}

/** Gives the order in the state, resumes where nobody performs the run, and tells what came of it. */
async function told(state: State, [name, kind, body]: (typeof ORDERS)[number]): Promise<string> {
  const world = new World();
  const bench = await Bench.of(state.made, world);
  world.fate = state.fate;
  const process = await state.reach(bench);
  const before = (await bench.journalRows()).length;
  await bench.post(kind, body);
  world.fate = () => 'answer';
  const performing = process.end === null ? process : await bench.resume();
  await performing.settle();
  world.clock.advance(0.2); // the order is read before anything else happens
  await performing.finish();
  const rows = (await bench.verified()).slice(before);
  const events = rows.filter(({ stream, type }) => stream === 'study' || type === 'effect.resolved').map(eventText);
  const sent = rows.filter(({ type }) => type === 'effect.intended').length;
  const notices = performing.notices.map((notice) => `    ! ${notice}`);
  expect(await bench.inboxSize(), 'no order is left').toBe(0);
  return [
    `  ${name}: ${performing.ended}`,
    `    ${events.join(' ') || 'nothing'}${sent > 0 ? ` (${sent} intents)` : ''}`,
    ...notices,
  ].join('\n');
}

function eventText({ type, body }: { type: string; body: string }): string {
  const { point, phase, gate, status } = JSON.parse(body) as JsonObject;
  const what = point ?? phase ?? gate ?? status;
  return what === undefined ? type : `${type}:${String(what)}`;
}

describe('every order in every state', () => {
  const texts = new Map<string, string>();

  test.each(STATES.map((state) => [state.name, state] as const))('%s', async (name, state) => {
    const lines: string[] = [];
    for (const order of ORDERS) lines.push(await told(state, order));
    texts.set(name, [name, ...lines].join('\n'));
  });

  test('as written down', () => {
    assertGolden('engines/orders.txt', `${STATES.map(({ name }) => texts.get(name)).join('\n\n')}\n`);
  });
});
