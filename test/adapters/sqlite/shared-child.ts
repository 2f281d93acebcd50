import { writeSync } from 'node:fs';
import { unwrap } from '../../../src/base/result.ts';
import { openSharedJournal } from '../../../src/adapters/sqlite/shared-journal.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import type { Clock, NewEvent } from '../../../src/engines/ports.ts';
import { began, granted } from './support.ts';
import { answered, intent, tail } from '../../engines/shared-journal-steps.ts';

/**
 * A worker of its own for shared-processes.test.ts: FOLDER POINT TURNS. Writes the same turns whenever it is started: in each one two
 * events of its point, one of the study that both workers write, in turns the first, and an effect that is answered. Prints the hash of
 * every row that it wrote, and `key SENDINGS` of every effect.
 */
const [folder, own, turns] = process.argv.slice(2) as [string, string, string];
const clock: Clock = { now_ms: () => Date.now(), monotonic_ms: () => performance.now(), after: () => () => undefined };
const journal = openSharedJournal(folder, { clock, process: thisProcess() });
const { lease } = unwrap(await journal.sharedRun('a'));
const point = Number(own);

for (let turn = 1; turn <= Number(turns); turn++) {
  const mine = tail(2 * turn - 1, turn === 1 ? began(point) : granted(point), granted(point, `step-${turn}`));
  const key = `${point}-${turn}`;
  const isFirst = turn % 2 === point % 2;
  await studyAt(isFirst ? turn : turn + 1);
  const { rows, effect } = await journal.commit(lease, {
    tails: [mine, tail(turn + 1, ofAll(turn))],
    intent: intent(point, { key, attempt: turn }),
  });
  for (const { hash } of rows) say(hash);
  say(`${key} ${effect!.sendings}`);
  await journal.answer(lease, key, answered('yes'));
}
await journal.close();

async function studyAt(seq: number): Promise<void> {
  while ((await journal.head('a', 'study'))!.seq < seq) await new Promise((resolve) => setImmediate(resolve));
}

function ofAll(turn: number): NewEvent {
  return { stream: 'study', event: { type: 'run.paused', by: 'alice', reason: String(turn) }, observed: { by: own } };
}

/** Written before this function returns: what was said happened before the kill. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}
