import { readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import { assertGolden } from '../golden.ts';
import { drafts, edit, findRows, restamp, storeOf } from '../provenance/altered.ts';
import { expctl, masked } from '../provenance/app.ts';
import { type Recorded, recordRun, sha256Of, SPOILT } from '../provenance/recorded.ts';

let recorded: Recorded;
const folders: string[] = [];
beforeAll(async () => {
  recorded = await recordRun({ spoil: SPOILT });
});
afterAll(() => {
  recorded.remove();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function project(rows: readonly JournalRow[] = recorded.rows): string {
  const folder = storeOf(recorded, rows);
  folders.push(folder);
  return folder;
}

function objectPath(folder: string, sha256: string): string {
  return join(folder, '.expctl/cas/sha256', sha256.slice(0, 2), sha256.slice(2));
}

function rotten(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 3]! ^= 1;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}

async function failure(folder: string, ...args: string[]) {
  const { status, out, err } = await expctl(['replay', '--json', ...args], { cwd: folder });
  expect(status).toBe(6);
  return { err, ...(JSON.parse(out) as { error: { code: string; message: string; details: JsonObject } }).error };
}

describe('a run that holds', () => {
  test('says what was proved, with signatures, and without', async () => {
    const trusted = await expctl(['replay', '--trust', recorded.trust_path], { cwd: recorded.project });
    expect(trusted.status).toBe(0);
    const plain = await expctl(['replay', recorded.run.slice(0, 8)], { cwd: recorded.project });
    expect(plain.status).toBe(0);
    const shown = `$ expctl replay --trust trust.json\n${trusted.out}${trusted.err}\n$ expctl replay\n${plain.out}`;
    assertGolden('provenance/replay.txt', masked(shown));
  });

  test('with --json is one document', async () => {
    const { out } = await expctl(['replay', '--json', '--trust', recorded.trust_path], { cwd: recorded.project });
    const document = JSON.parse(out) as JsonObject;
    expect(document).toMatchObject({ holds: true, run: recorded.run, divergence: null, trust: recorded.trust_path });
    const points = recorded.rows.filter(({ type }) => type === 'point.finished').length;
    const effects = recorded.rows.filter(({ type }) => type === 'effect.intended').length;
    const events = recorded.rows.length;
    expect(document['proved']).toMatchObject({ events, points, effects, decisions: 2, approvals: 1, signatures: 2 });
  });

  test('finds the trust policy by EXPCTL_TRUST too', async () => {
    const env = { EXPCTL_TRUST: recorded.trust_path };
    const { out } = await expctl(['replay', '--json'], { cwd: recorded.project, env });
    expect(JSON.parse(out)).toMatchObject({ trust: recorded.trust_path, proved: { signatures: 2 } });
  });

  test('is told apart from a store that lacks the envelopes', async () => {
    const folder = project();
    const started = JSON.parse(recorded.rows[0]!.body) as { approvals: string[] };
    rmSync(objectPath(folder, started.approvals[0]!));
    const { status, out } = await expctl(['replay', '--trust', recorded.trust_path], { cwd: folder });
    expect(status).toBe(0);
    expect(out).toContain(`The approval (${started.approvals[0]!.slice(0, 12)}): the store does not hold it.`);
  });
});

describe('digests', () => {
  test('a lock that rotted', async () => {
    const folder = project();
    rotten(objectPath(folder, recorded.lock_sha256));
    expect(await failure(folder)).toMatchObject({ code: 'EVIDENCE_BROKEN', details: { found_by: 'digest' } });
  });

  test('a design table that is missing', async () => {
    const folder = project();
    rmSync(objectPath(folder, recorded.lock.tables[0]!.sha256));
    const { message } = await failure(folder);
    expect(message).toContain('the design table explore');
  });

  test("an effect's key that is another one", async () => {
    const rows = drafts(recorded.rows);
    const [at] = findRows(rows, 'effect.intended');
    rows[at!]!.observed = JSON.stringify({ key: 'f'.repeat(64) });
    const { details } = await failure(project(restamp(rows, { keep_keys: true })));
    expect(details).toMatchObject({ found_by: 'digest', found: 'f'.repeat(64), stream: 'point/1', seq: 2 });
  });

  test('a run that was started on another lock', async () => {
    const rows = drafts(recorded.rows);
    edit(rows[0]!, (body) => Object.assign(body, { lock_sha256: sha256Of('another') }));
    expect((await failure(project(restamp(rows)))).details).toMatchObject({
      found_by: 'digest',
      stream: 'study',
      seq: 1,
    });
  });

  test('a history before a gate that was rewritten without changing any event', async () => {
    const rows = drafts(recorded.rows);
    rows[0]!.wall_ms -= 1;
    const { details } = await failure(project(restamp(rows)));
    expect(details).toMatchObject({ found_by: 'digest', stream: 'study' });
    expect(String(details['expected'])).toContain("the journal's head");
  });
});

describe('signatures, with --trust', () => {
  test('a policy in which the approver is nobody', async () => {
    const path = join(recorded.project, '..', 'other-trust.json');
    const policy = JSON.parse(readFileSync(recorded.trust_path, 'utf8')) as { persons: JsonObject };
    const [person] = Object.values(policy.persons);
    (person as { keys: JsonObject[] }).keys = [{ ed25519: Buffer.alloc(32, 9).fill(0x58).toString('base64') }];
    writeFileSync(path, JSON.stringify(policy), { mode: 0o600 });
    const { status, out } = await expctl(['replay', '--json', '--trust', path], { cwd: recorded.project });
    const { error } = JSON.parse(out) as { error: { code: string; details: JsonObject } };
    expect({ status, code: error.code }).toEqual({ status: 6, code: 'EVIDENCE_BROKEN' });
    expect(error.details).toMatchObject({ found_by: 'signature', stream: 'study', seq: 1 });
  });

  test('a gate that was decided by who asked, where that is not allowed; not told without the request', async () => {
    const path = join(recorded.project, '..', 'strict-trust.json');
    const policy = JSON.parse(readFileSync(recorded.trust_path, 'utf8')) as { rules: JsonObject };
    policy.rules['gates'] = { '*': { allow_self: false, allow_without_terminal: true } };
    writeFileSync(path, JSON.stringify(policy), { mode: 0o600 });
    const folder = project();
    expect((await failure(folder, '--trust', path)).details).toMatchObject({ found_by: 'signature', stream: 'study' });
    rmSync(objectPath(folder, recorded.request_sha256));
    const { status, out } = await expctl(['replay', '--trust', path], { cwd: folder });
    expect(status).toBe(0);
    expect(out).toContain('The signature of the decision at gate pilot, for want of the request.');
  });

  test('a decision in the name of somebody else', async () => {
    const rows = drafts(recorded.rows);
    const [at] = findRows(rows, 'gate.decided');
    edit(rows[at!]!, (body) => Object.assign(body, { by: 'bob' }));
    const { details } = await failure(project(restamp(rows)), '--trust', recorded.trust_path);
    expect(details).toMatchObject({ found_by: 'signature', found: 'continue, by bob' });
  });
});

describe('artifacts', () => {
  const firstFile = () => {
    const rows = drafts(recorded.rows);
    const [at] = findRows(rows, 'effect.answered', (body) => JSON.stringify(body).includes('cantilever.step'));
    return (JSON.parse(rows[at!]!.body) as { outcome: { artifacts: { sha256: string }[] } }).outcome.artifacts[0]!
      .sha256;
  };

  test('one that is missing', async () => {
    const folder = project();
    rmSync(objectPath(folder, firstFile()));
    expect((await failure(folder)).details).toMatchObject({ found_by: 'artifact', stream: 'point/1' });
  });

  test('one that rotted', async () => {
    const folder = project();
    rotten(objectPath(folder, firstFile()));
    expect((await failure(folder)).details).toMatchObject({ found_by: 'artifact' });
  });
});

test('no run, or none of that name, is no evidence at all', async () => {
  expect((await expctl(['replay', 'nothing'], { cwd: recorded.project })).status).toBe(2);
});
