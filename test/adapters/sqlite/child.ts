import { writeSync } from 'node:fs';
import { unwrap } from '../../../src/base/result.ts';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import type { Clock } from '../../../src/engines/ports.ts';
import { type JournalRow, pointStream } from '../../../src/ir/events.ts';

/**
 * A process of its own for processes.test.ts.
 *
 *   start FOLDER RUN   starts a run under a request for one run; prints `started` or the code of the refusal
 *   write FOLDER RUN   takes the run and appends until it is killed; prints the hash of each acknowledged row
 */
const [mode, folder, run] = process.argv.slice(2) as [string, string, string];
const clock: Clock = { now_ms: () => Date.now(), monotonic_ms: () => performance.now(), after: () => () => undefined };
const journal = openJournal(folder, { clock, process: thisProcess() });

if (mode === 'start') {
  const row = { run, name: 'beam', lock_sha256: 'lock-1', request_sha256: 'request-1', created_ms: Date.now() };
  const started = { type: 'run.started', semantics: 1, lock_sha256: '', request_sha256: '', approvals: [] } as const;
  const outcome = await journal.createRun(row, 1, [{ stream: 'study', event: started, observed: {} }]);
  await journal.close();
  say(outcome.ok ? 'started' : outcome.error.code);
} else {
  const lease = unwrap(await journal.acquire(run));
  const event = { type: 'step.granted', step: 'solve' } as const;
  const performPoint = async (point: number): Promise<never> => {
    for (;;) {
      const events = Array.from({ length: 1 + (point % 3) }, () => ({
        stream: pointStream(point),
        event,
        observed: {},
      }));
      acknowledge(await journal.append(lease, events));
    }
  };
  await Promise.all(Array.from({ length: 10 }, (_, point) => performPoint(point)));
}

function acknowledge(rows: readonly JournalRow[]): void {
  for (const { hash } of rows) say(hash);
}

/** Written before this function returns, unlike what console.log writes: what was said happened before the kill. */
function say(line: string): void {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // whoever reads the pipe is slow
    }
  }
}
