import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assertGolden } from '../golden.ts';
import { makeProject, type TestProject } from './support.ts';

const PLAN = 'plans/beam-small.plan.yaml';
const LOCK = 'plans/beam-small.lock.json';

let at: TestProject;
beforeEach(() => {
  at = makeProject();
});
afterEach(() => at.remove());

const read = (name: string): Buffer => readFileSync(join(at.project, name));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function edit(from: string, to: string): void {
  const text = read(PLAN).toString();
  if (!text.includes(from)) throw new Error(`not in the plan: ${from}`);
  writeFileSync(join(at.project, PLAN), text.replace(from, to));
}

test('writes the lock and its design tables, and says what they can cause', async () => {
  const { status, stdout, stderr } = await at.run(['lock', PLAN]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: `Next: expctl review ${LOCK}\n` });
  const digest = sha256(read(LOCK));
  assertGolden('commands/lock.txt', stdout.replace(digest, 'SHA256'));
  const { tables } = JSON.parse(read(LOCK).toString());
  expect(readdirSync(join(at.project, 'plans/beam-small.designs'))).toEqual([`${tables[0].sha256}.json`]);
  expect(sha256(read(`plans/beam-small.designs/${tables[0].sha256}.json`))).toBe(tables[0].sha256);
  expect(read(LOCK).at(-1)).toBe('}'.charCodeAt(0));
});

test('as JSON is one document', async () => {
  const { status, stdout, stderr } = await at.run(['lock', PLAN, '--json']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    plan: PLAN,
    lock: LOCK,
    lock_sha256: sha256(read(LOCK)),
    environment: 'local',
    tables: [{ id: 'explore', rows: 6 }],
    forecast: { points: 6, calls: 42 },
    written: true,
  });
});

test('a second time the bytes are the same, and nothing is written', async () => {
  await at.run(['lock', PLAN]);
  const before = read(LOCK);
  const { stdout } = await at.run(['lock', PLAN]);
  expect(stdout).toContain(`${LOCK} is up to date`);
  expect(read(LOCK).equals(before)).toBe(true);
});

test('in another folder, by another process with another time, place and language, the bytes are the same', async () => {
  await at.run(['lock', PLAN]);
  const other = join(at.root, 'elsewhere', 'deeper');
  mkdirSync(other, { recursive: true });
  cpSync(at.project, other, {
    recursive: true,
    filter: (path) => !/\.lock\.json$|\.designs/.test(path) || path.endsWith('tools.lock.json'),
  });
  const env = { TZ: 'Pacific/Kiritimati', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', USER: 'somebody' };
  const { status } = await at.runProcess(['lock', PLAN], { cwd: other, env });
  expect(status).toBe(0);
  expect(readFileSync(join(other, LOCK)).equals(read(LOCK))).toBe(true);
  expect(readdirSync(join(other, 'plans/beam-small.designs'))).toEqual(
    readdirSync(join(at.project, 'plans/beam-small.designs')),
  );
});

test('into another file, with its tables beside it', async () => {
  const { status } = await at.run(['lock', PLAN, '-o', 'out/other.lock.json']);
  expect(status).toBe(0);
  expect(readdirSync(join(at.project, 'out')).sort()).toEqual(['other.designs', 'other.lock.json']);
  expect(existsSync(join(at.project, LOCK))).toBe(false);
});

test('a file that is not named as a lock is refused before anything is read', async () => {
  const { status, stderr } = await at.run(['lock', 'none.plan.yaml', '-o', 'out/other.json']);
  expect(status).toBe(2);
  expect(stderr).toContain('out/other.json is not named as a lock.');
});

test('a plan that is not named as one needs -o', async () => {
  cpSync(join(at.project, PLAN), join(at.project, 'beam.yaml'));
  expect((await at.run(['lock', 'beam.yaml'])).stderr).toContain('beam.yaml is not named as a plan.');
  expect((await at.run(['lock', 'beam.yaml', '-o', 'beam.lock.json'])).status).toBe(0);
});

describe('--check', () => {
  const check = async (): Promise<string> => {
    const { status, stderr } = await at.run(['lock', PLAN, '--check']);
    return status === 0 ? 'up to date' : `${status}: ${stderr.split('\n')[0]}`;
  };

  test('writes nothing where there is no lock', async () => {
    expect(await check()).toMatch(
      /^2: ✘ plans\/beam-small.designs\/[0-9a-f]{64}.json, plans\/beam-small.lock.json are not what/,
    );
    expect(readdirSync(join(at.project, 'plans'))).toEqual(['beam-small.plan.yaml']);
  });

  test('passes on what lock wrote; not on another plan, one byte more, or an altered or missing table', async () => {
    await at.run(['lock', PLAN]);
    expect(await check()).toBe('up to date');
    const bytes = read(LOCK);
    writeFileSync(join(at.project, LOCK), `${bytes.toString()}\n`);
    expect(await check()).toContain(`2: ✘ ${LOCK} is not what ${PLAN} locks to.`);
    writeFileSync(join(at.project, LOCK), bytes);
    const [table] = readdirSync(join(at.project, 'plans/beam-small.designs'));
    const table_path = join('plans/beam-small.designs', table!);
    writeFileSync(join(at.project, table_path), read(table_path).toString().replace('width', 'wodth'));
    expect(await check()).toContain(`2: ✘ ${table_path} is not what ${PLAN} locks to.`);
    rmSync(join(at.project, table_path));
    expect(await check()).toContain(`2: ✘ ${table_path} is not what`);
    await at.run(['lock', PLAN]);
    expect(await check()).toBe('up to date');
    edit('points: 6', 'points: 7');
    expect(await check()).toContain('are not what');
    expect(read(LOCK).equals(bytes)).toBe(true);
  });

  test('under --json the files that differ are data', async () => {
    const { status, stdout } = await at.run(['lock', PLAN, '--check', '--json']);
    expect(status).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'LOCK_INVALID',
      details: { files: [expect.any(String), LOCK] },
    });
  });
});

describe('a plan with problems is not locked', () => {
  test('they are shown as check shows them, and an old lock stays as it is', async () => {
    await at.run(['lock', PLAN]);
    const before = read(LOCK);
    edit('min: 5', 'min: 50');
    const checked = await at.run(['check', PLAN]);
    const { status, stdout, stderr } = await at.run(['lock', PLAN]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: checked.stdout });
    expect(stderr).toBe(`${PLAN}: 1 error.\nNothing was written.\n`);
    expect(read(LOCK).equals(before)).toBe(true);
    const json = await at.run(['lock', PLAN, '--json']);
    expect(json.stdout).toBe((await at.run(['check', PLAN, '--json'])).stdout);
  });

  test('without pins, with a hint', async () => {
    rmSync(join(at.project, 'tools.lock.json'));
    const { status, stderr } = await at.run(['lock', PLAN]);
    expect(status).toBe(2);
    expect(stderr).toContain('No tool is pinned, so that nothing can be locked.\n  Run `expctl tools pin`');
    expect(existsSync(join(at.project, LOCK))).toBe(false);
  });

  test('warnings are shown, and do not stop it', async () => {
    edit('goal:', 'questions: [{ text: "Which steel?" }]\ngoal:');
    const { status, stdout, stderr } = await at.run(['lock', PLAN]);
    expect(status).toBe(0);
    expect(stdout).toContain('This question is open: Which steel?');
    expect(stderr).toContain('1 warning.');
  });
});

test('the environment is in the lock', async () => {
  mkdirSync(join(at.project, 'environments'));
  writeFileSync(join(at.project, 'environments/cluster.yaml'), 'class: production\npools: { cores: 1 }\n');
  await at.run(['lock', PLAN, '--env', 'cluster']);
  const { environment, pools } = JSON.parse(read(LOCK).toString());
  expect(environment).toMatchObject({ name: 'cluster', class: 'production', pools: { cores: 1 } });
  expect(pools).toEqual({ cores: 1 });
});
