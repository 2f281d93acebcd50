import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { unwrap } from '../../src/base/result.ts';
import { sha256Text } from '../../src/engines/digest.ts';
import { recover } from '../../src/engines/embedded/recover.ts';
import { machineText, snapshotOf } from '../../src/engines/embedded/snapshot.ts';
import { designPhase, gatePhase, makeCall, makeLock, makeStep } from '../kernel/support.ts';
import { Bench, World } from './support.ts';

/* A snapshot has a digest and no key: whoever may write the store can write one that agrees with every row, and says what is not so. */

type Study = Record<string, unknown>;

/** A run of three points at its gate, and a snapshot of it in which the study was changed. */
async function forged(change: (study: Study) => Study): Promise<{ bench: Bench; world: World }> {
  const world = new World();
  const call = makeCall('t/solve', { with: { x: '=x' }, effect: 'once' });
  const study = [designPhase('explore'), gatePhase('pilot')];
  const made = makeLock({ semantics: 2, pipeline: [makeStep('solve', { call })], study }, { explore: 3 });
  const bench = await Bench.of(made, world);
  const process = await (await bench.start()).finish();
  expect(process.ended).toBe('gate');
  const { lock_sha256 } = bench.approved;
  const { machine, pending, trail } = unwrap(await recover(made.program, lock_sha256, process.journal.read(bench.run)));
  const part = JSON.parse(machineText(machine, pending, 0)) as { study: Study };
  const text = JSON.stringify({ ...part, study: change(part.study) });
  const { position, body } = snapshotOf({ run: bench.run, lock_sha256 }, 2, trail, text)!;
  const database = new Database(`${bench.folder}/journal.sqlite`);
  database
    .prepare('INSERT INTO snapshots (run, position, sha256, body) VALUES (?, ?, ?, ?)')
    .run(bench.run, position, sha256Text(body), body);
  database.close();
  return { bench, world };
}

test('as it is, it does hold', async () => {
  const { bench } = await forged((study) => study);
  const process = await (await bench.resume()).finish();
  expect([process.ended, process.notices]).toEqual(['gate', []]);
});

test('in which no point was started yet: nothing is done twice', async () => {
  const { bench, world } = await forged((study) => ({
    ...study,
    ...{ status: 'running', paused: true, phase: 0, started: 0, cursor: { table: 'explore', next_row: 0 } },
  }));
  const rows = (await bench.journalRows()).length;
  const process = await (await bench.resume()).finish();
  expect(process.ended).toBe('EVIDENCE_BROKEN');
  expect([world.sendings.length, (await bench.journalRows()).length]).toEqual([3, rows]);
});
