import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openJournal } from '../../src/adapters/sqlite/journal.ts';
import type { ProcessFacts } from '../../src/adapters/sqlite/lease.ts';
import { thisProcess } from '../../src/adapters/sqlite/process-facts.ts';
import { unwrap } from '../../src/base/result.ts';
import type { PoolWant } from '../../src/engines/ports.ts';
import type { PoolsView } from '../../src/provenance/pools.ts';
import { runRow, STARTED, StillClock } from '../adapters/sqlite/support.ts';
import { makeProject, type TestProject } from './support.ts';

function project(): TestProject {
  const made = makeProject();
  onTestFinished(() => made.remove());
  return made;
}

function want(point: number): PoolWant {
  return { point, step: 'solve', attempt: 1, uses: { licence: 1 } };
}

/** A run that asks for a licence for each of its points, and takes what it is granted. */
async function perform(
  { project: folder }: TestProject,
  run: string,
  points: number,
  facts: Partial<ProcessFacts> = {},
): Promise<void> {
  const journal = openJournal(join(folder, '.expctl'), {
    clock: new StillClock(),
    process: { ...thisProcess(), ...facts },
  });
  const lease = unwrap(await journal.createRun(runRow(run, `request of ${run}`), 1, [STARTED], { licence: 1 }));
  const wanted = Array.from({ length: points }, (_, index) => want(index + 1));
  const granted = await journal.exchangeTokens(lease, { released: [], bound: [], wanted });
  const bound = granted.map(({ point, step }) => ({ point, step, key: `${run} ${point}` }));
  await journal.exchangeTokens(lease, { released: [], bound, wanted: [] });
  await journal.close();
}

const NOW = { now_ms: 1_700_000_200_000 };

test('shows who holds and who waits while runs go on', async () => {
  const made = project();
  await perform(made, 'beam-1', 1);
  await perform(made, 'rib-2', 2);
  const { status, stdout, stderr } = await made.run(['pools'], NOW);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^licence +1 +1 +2$/m);
  expect(stdout).toMatch(
    new RegExp(`^beam-1 +1 +solve +licence 1 +3 min 20 s +beam-1 1 +process ${process.pid}$`, 'm'),
  );
  expect(stdout).toMatch(
    new RegExp(`^rib-2 +2 +solve +licence 1 +3 min 20 s +2 +process ${process.pid} +beam-1 1 solve$`, 'm'),
  );
});

test('says what to do where a process died with tokens in its hands', async () => {
  const made = project();
  await perform(made, 'beam-1', 1, { started: 'long ago' });
  const { status, stdout, stderr } = await made.run(['pools'], NOW);
  expect(status).toBe(0);
  expect(stdout).toContain('a process that died');
  expect(stdout).toContain('may be running: expctl resume beam-1');
  expect(stderr).toContain('Next: expctl resume beam-1');
});

test('--run lists what one run holds and waits for, as text and as a document', async () => {
  const made = project();
  await perform(made, 'beam-1', 1);
  await perform(made, 'rib-2', 2);
  const text = await made.run(['pools', '--run', 'rib'], NOW);
  expect(text.stdout).not.toMatch(/^beam-1/m);
  const { stdout } = await made.run(['pools', '--run', 'rib', '--json'], NOW);
  const view = JSON.parse(stdout) as PoolsView;
  expect(view.pools).toEqual([{ pool: 'licence', tokens: 1, by_run: null, held: 1, waiting: 2 }]);
  expect(view.holders).toEqual([]);
  expect(view.waiting.map(({ run, point, place, behind }) => [run, point, place, behind])).toEqual([
    ['rib-2', 1, 1, ['beam-1 1 solve']],
    ['rib-2', 2, 2, ['beam-1 1 solve']],
  ]);
});

test('says so where nobody holds anything, and fails where there is no run, or no store', async () => {
  const made = project();
  expect(await made.run(['pools'])).toMatchObject({ status: 2, stdout: '' });
  await perform(made, 'beam-1', 0);
  expect((await made.run(['pools'])).stdout).toMatch(/^licence +0 +1 +0$/m);
  expect(await made.run(['pools', '--run', 'nothing'])).toMatchObject({ status: 2, stdout: '' });
});
