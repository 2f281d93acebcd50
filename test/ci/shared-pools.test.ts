import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { unwrap } from '../../src/base/result.ts';
import { LicenceProject, type Running, until } from '../commands/licence-project.ts';

/** Key of each effect, in the order in which the tool began them. */
function began(project: LicenceProject): string[] {
  return project.ledger().flatMap((line) => (line.startsWith('began') ? [line.split(' ')[2]!] : []));
}

/** Whose effects they are, by the journals. */
async function runsOf(project: LicenceProject, keys: readonly string[]): Promise<(string | undefined)[]> {
  const reader = unwrap(openReader(join(project.project, '.expctl')));
  const runs = new Map<unknown, string>();
  for (const { run } of await reader.runs()) {
    for await (const { observed } of reader.read(run)) runs.set((JSON.parse(observed) as { key?: string }).key, run);
  }
  await reader.close();
  return keys.map((key) => runs.get(key));
}

async function kill({ process, ended }: Running): Promise<void> {
  process.kill('SIGKILL');
  expect((await ended).how).toBe('SIGKILL');
}

async function waits(project: LicenceProject, run: string): Promise<void> {
  await until(async () => (await project.pools()).waiting.some((want) => want.run === run));
}

/** `one` has the licence, and its tool does not end. */
async function heldByOne(project: LicenceProject): Promise<Running> {
  project.hold();
  const one = project.start('one');
  await until(() => project.ledger().length > 0);
  return one;
}

describe('runs of one store share one licence', () => {
  test('and take turns: never two calls at once, and both end', async () => {
    const project = await new LicenceProject().approve(2);
    const one = await heldByOne(project);
    const two = project.start('two');
    await waits(project, 'two');
    const [holder] = (await project.pools()).holders;
    const [first] = began(project);
    expect(holder).toMatchObject({ run: 'one', step: 'square', effect: first, next: null });
    expect(holder!.performed_by.state).toBe('live');
    expect((await project.run('status', 'two')).stdout).toMatch(
      /licence 0 of 1 held; \d+ steps? waiting: expctl pools/,
    );
    project.letGo();
    for (const { ended } of [one, two]) expect(await ended).toMatchObject({ how: 0 });
    expect(project.ledger().filter((line) => line.startsWith('TAKEN'))).toEqual([]);
    expect(new Set(began(project)).size).toBe(8);
    expect(await runsOf(project, began(project))).toEqual(['one', 'two', 'one', 'two', 'one', 'two', 'one', 'two']);
    expect((await project.pools()).pools).toEqual([]);
  }, 240_000);

  test('that one keeps which was killed with it in its hands, until it is resumed', async () => {
    const project = await new LicenceProject().approve(2);
    const one = await heldByOne(project);
    const two = project.start('two');
    await waits(project, 'two');
    await kill(one);
    expect((await project.pools()).holders).toMatchObject([{ run: 'one', next: 'expctl resume one' }]);
    await until(() => /tokens that one holds, which nobody performs.*: expctl resume one/s.test(two.output()));
    project.letGo();
    await until(() => project.ledger().length === 2); // what it had begun ends outside
    expect(began(project)).toHaveLength(1);
    expect((await project.pools()).holders).toMatchObject([{ run: 'one' }]);
    const again = project.resume('one');
    for (const { ended } of [again, two]) expect(await ended).toMatchObject({ how: 0 });
    expect(project.ledger().filter((line) => line.startsWith('TAKEN'))).toEqual([]);
    expect(began(project)).toHaveLength(8); // nothing was begun twice
  }, 240_000);

  test('that one gives back which was killed and is cancelled', async () => {
    const project = await new LicenceProject().approve(2);
    const one = await heldByOne(project);
    const two = project.start('two');
    await waits(project, 'two');
    await kill(one);
    await project.succeed('cancel', 'one');
    const again = project.resume('one');
    project.letGo();
    expect(await again.ended).toMatchObject({ how: 4 });
    expect(await two.ended).toMatchObject({ how: 0 });
    expect(project.ledger().filter((line) => line.startsWith('TAKEN'))).toEqual([]);
    expect(began(project)).toHaveLength(5);
  }, 240_000);

  test('for which nobody waits who was killed; resumed, he has it too', async () => {
    const project = await new LicenceProject().approve(3);
    const one = await heldByOne(project);
    const two = project.start('two');
    await waits(project, 'two');
    const three = project.start('three');
    await waits(project, 'three');
    await kill(two);
    project.letGo();
    for (const { ended } of [one, three]) expect(await ended).toMatchObject({ how: 0 });
    const { waiting } = await project.pools();
    expect(new Set(waiting.map(({ run, performed_by }) => `${run} ${performed_by.state}`))).toEqual(
      new Set(['two gone']),
    );
    expect(await project.resume('two').ended).toMatchObject({ how: 0 });
    expect(project.ledger().filter((line) => line.startsWith('TAKEN'))).toEqual([]);
    expect(began(project)).toHaveLength(12);
  }, 240_000);
});
