import { openJournal } from '../../src/adapters/sqlite/journal.ts';
import type { JsonObject } from '../../src/base/json.ts';
import { unwrap } from '../../src/base/result.ts';
import { effectKey } from '../../src/engines/effect-key.ts';
import { Pending } from '../../src/engines/embedded/pending.ts';
import { machineText, snapshotOf } from '../../src/engines/embedded/snapshot.ts';
import { Trail } from '../../src/engines/embedded/trail.ts';
import type { NewEvent } from '../../src/engines/ports.ts';
import { type PointFact, pointOf, pointStream, type StudyFact } from '../../src/ir/events.ts';
import type { SendCommand } from '../../src/kernel/point.ts';
import { type RunCommand, RunMachine } from '../../src/kernel/run.ts';
import { processFacts, runRow, StillClock } from '../adapters/sqlite/support.ts';
import { designPhase, type Made, makeCall, makeLock, makeStep, STARTED } from '../kernel/support.ts';

export const RUN = 'large';
export const OF = { run: RUN, lock_sha256: (STARTED as { lock_sha256: string }).lock_sha256 };
const EVENTS_A_COMMIT = 5_000;

/** A lock of so many points of three steps, fifty in flight. */
export function largeLock(points: number): Made {
  const step = (name: string, needs: string[]) =>
    makeStep(name, { needs, call: makeCall(`t/${name}`, { with: { x: '=x' } }) });
  const pipeline = [step('one', []), step('two', ['one']), step('three', ['two'])];
  const metrics = [{ name: 'mass', value: '=three.mass', unit: 'kg', plausible: null, description: '' }];
  const budget = { points: 10 ** 6, calls: 10 ** 7, wall_time_s: null, failed_points: null };
  return makeLock({ pipeline, metrics, budget, in_flight: 50, study: [designPhase('all')] }, { all: points });
}

/**
 * The journal of a run that was killed so many events before its end, with the snapshot that was kept last: as an engine would write it,
 * without an engine, so that it takes seconds.
 */
export async function writeLargeJournal(
  folder: string,
  { program }: Made,
  { behind, rest }: { readonly behind: number; readonly rest: number },
): Promise<number> {
  const journal = openJournal(folder, { clock: new StillClock(), process: processFacts(1, [1]) });
  const machine = new RunMachine(program);
  const [pending, trail] = [new Pending(), new Trail()];
  const out: { point: number; command: SendCommand }[] = [];
  let events: NewEvent[] = [];
  const settle = (point: number | null, fact: StudyFact | PointFact): void => {
    const settled = machine.settle(point, fact);
    pending.follow(point === null ? 'study' : pointStream(point), fact, settled.commands, 0);
    for (const { stream, event } of settled.events) {
      const observed: JsonObject =
        event.type === 'effect.intended' ? { key: effectKey(RUN, pointOf(stream)!, event) } : {};
      events.push({ stream, event, observed });
    }
    for (const { point: of, command } of settled.commands as RunCommand[]) {
      if (command.do === 'send') out.push({ point: of!, command });
    }
  };
  settle(null, STARTED);
  const lease = unwrap(await journal.createRun(runRow(RUN), 1, events));
  for await (const row of journal.read(RUN)) trail.take(row);
  let written = events.length;
  events = [];
  const write = async (): Promise<void> => {
    for (const row of await journal.append(lease, events)) trail.take(row);
    written += events.length;
    events = [];
  };
  // Begun, three intents and answers, ended; started and finished in the study.
  const total = 1 + 1 + 10 * program.lock.tables[0]!.rows;
  const answerUntil = async (size: number): Promise<void> => {
    while (written + events.length < size) {
      const { point, command } = out.shift()!;
      const { step, part, attempt } = command;
      const answer = {
        mass: point % 1000,
        text: 'as long as an answer of a tool may well be, and a little longer than that',
      };
      settle(point, { type: 'effect.answered', step, part, attempt, outcome: { ok: true, answer, artifacts: [] } });
      if (events.length >= EVENTS_A_COMMIT) await write();
    }
    await write();
  };
  await answerUntil(total - rest - behind);
  const snapshot = snapshotOf(OF, program.lock.semantics, trail, machineText(machine, pending, 0))!;
  await journal.keepSnapshot(lease, snapshot);
  await answerUntil(total - rest);
  await journal.close();
  return written;
}
