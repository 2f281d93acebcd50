import { afterAll, beforeAll, expect, test } from 'vitest';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/base/json.ts';
import { assertGolden } from '../golden.ts';
import { expctl } from '../provenance/app.ts';
import { type Recorded, recordRun, SPOILT } from '../provenance/recorded.ts';

let ended: Recorded;
let waiting: Recorded;
beforeAll(async () => {
  ended = await recordRun({ spoil: SPOILT });
  waiting = await recordRun({ gate: 'wait' });
});
afterAll(() => {
  ended.remove();
  waiting.remove();
});

test('runs with their state, points and what they wait for', async () => {
  const texts: string[] = [];
  for (const { project } of [ended, waiting]) {
    const { out, err } = await expctl(['list'], { cwd: project });
    texts.push(`${out}${err}`);
  }
  assertGolden('provenance/list.txt', texts.join('\n'));
});

test('--json is one document', async () => {
  const { out } = await expctl(['list', '--json'], { cwd: waiting.project });
  expect(JSON.parse(out)).toMatchObject([
    { run: waiting.run, state: 'waits', points: { done: 8, failed: 0, planned: 12 }, waits_for: { role: 'lead' } },
  ]);
});

/** A policy in which alice has other roles or rules. */
function trustWith(
  name: string,
  change: (policy: { persons: { alice: JsonObject }; rules: JsonObject }) => void,
): string {
  const policy = JSON.parse(readFileSync(waiting.trust_path, 'utf8')) as Parameters<typeof change>[0];
  change(policy);
  const path = join(waiting.project, '..', name);
  writeFileSync(path, JSON.stringify(policy));
  chmodSync(path, 0o600);
  return path;
}

async function waitingFor(person: string, trust: string, env: Record<string, string> = {}): Promise<number | string> {
  const args = ['list', '--json', '--waiting-for', person, '--trust', trust];
  const { out, status } = await expctl(args, { cwd: waiting.project, env });
  return status === 0 ? (JSON.parse(out) as unknown[]).length : `status ${status}`;
}

test('--waiting-for keeps the runs that the person may decide', async () => {
  expect(await waitingFor('alice', waiting.trust_path)).toBe(1);
  expect(await waitingFor('me', waiting.trust_path, { USER: 'alice' })).toBe(1);
  expect(await waitingFor('mallory', waiting.trust_path)).toBe('status 2');
  expect(await waitingFor('me', waiting.trust_path, { USER: 'mallory' })).toBe('status 2');
  const other_role = trustWith('role.json', ({ persons }) => Object.assign(persons.alice, { roles: ['operator'] }));
  expect(await waitingFor('alice', other_role)).toBe(0);
  const not_self = trustWith('self.json', ({ rules }) => {
    (rules['gates'] as JsonObject)['*'] = { allow_self: false, allow_without_terminal: true };
  });
  expect(await waitingFor('alice', not_self)).toBe(0);
});
