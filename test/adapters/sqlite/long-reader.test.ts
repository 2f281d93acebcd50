import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { journalFile, openDatabaseForReading } from '../../../src/adapters/sqlite/database.ts';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { openReader } from '../../../src/adapters/sqlite/reader.ts';
import { unwrap } from '../../../src/base/result.ts';
import type { NewEvent } from '../../../src/engines/ports.ts';
import { pointStream } from '../../../src/ir/events.ts';
import { chainOf, processFacts, runRow, STARTED, StillClock, temporaryFolder } from './support.ts';

const EVENTS = 10_000;
const LEASE = { run: 'a', fence: 1 };

/** An event of about 10 kB, so that the log gets large soon. */
function large(index: number): NewEvent {
  const answer = { text: `${index} `.repeat(2_000) };
  const outcome = { ok: true, answer, artifacts: [] } as const;
  const event = { type: 'effect.answered', step: 'solve', part: 'call', attempt: 1, outcome } as const;
  return { stream: pointStream(1 + (index % 50)), event, observed: {} };
}

test(`while somebody reads for long, ${EVENTS} events are appended: none is lost, none waits, the growing log is told`, async () => {
  const folder = temporaryFolder();
  const told: string[] = [];
  const facts = processFacts(1, [1]);
  const journal = openJournal(folder, { clock: new StillClock(), process: facts, onNotice: (text) => told.push(text) });
  await journal.createRun(runRow('a'), 1, [STARTED]);
  const reading = unwrap(openDatabaseForReading(folder));
  reading.exec('BEGIN');
  const seen = () => reading.prepare('SELECT count(*) FROM events').pluck().get();
  expect(seen()).toBe(1);
  for (let index = 0; index < EVENTS; index += 100) {
    const some = Array.from({ length: 100 }, (_, offset) => large(index + offset));
    const rows = await Promise.all(some.map((event) => journal.append(LEASE, [event])));
    expect(rows.flat()).toHaveLength(100);
  }
  expect(seen(), 'the reader sees what was there when it began').toBe(1);
  const log = `${journalFile(folder)}-wal`;
  const grown_bytes = statSync(log).size;
  expect(grown_bytes).toBeGreaterThan(64 * 2 ** 20);
  expect(told.length).toBeGreaterThan(0);
  expect(told.length, 'not again before it has doubled').toBeLessThan(3);
  expect(told[0]).toMatch(/log has \d+ MiB.*Nothing is lost/);
  expect(await chainOf(unwrap(openReader(folder)), 'a')).toMatchObject({ ok: true, rows: EVENTS + 1 });
  reading.exec('COMMIT');
  reading.close();
  await journal.append(LEASE, [large(0)]);
  await journal.close();
  expect(statSync(log, { throwIfNoEntry: false })?.size ?? 0, 'taken into the database').toBe(0);
}, 120_000);

test('nothing is told of a log that is taken in as it should be', async () => {
  const folder = temporaryFolder();
  const told: string[] = [];
  const facts = processFacts(1, [1]);
  const journal = openJournal(folder, { clock: new StillClock(), process: facts, onNotice: (text) => told.push(text) });
  await journal.createRun(runRow('a'), 1, [STARTED]);
  for (let index = 0; index < EVENTS; index += 500) {
    const some = Array.from({ length: 500 }, (_, offset) => large(index + offset));
    await journal.append(LEASE, some);
  }
  expect(told).toEqual([]);
  await journal.close();
}, 120_000);
