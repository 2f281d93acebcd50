import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Ended, makeProject, type TestProject } from './support.ts';

export const LOCK = 'plans/beam-small.lock.json';

export interface Policy {
  expires?: string;
  persons: Record<string, { keys: object[]; roles: string[] }>;
  rules: { approve: Record<string, unknown> };
}

/** A project with a lock, alice's key, and her policy: a team of one, who may sign without a terminal. */
export interface ApprovalProject extends TestProject {
  readonly alice: string;
  readonly trust: string;
  newKey(name: string): Promise<string>;
  policyOf(name: string, ...flags: string[]): Promise<string>;
  /** Asked by bob. */
  request(...more: string[]): Promise<Ended>;
  /** Signed with alice's key under her policy, unless flags say otherwise. */
  approve(...more: string[]): Promise<Ended>;
  verify(...more: string[]): Promise<Ended>;
  /** Another plan, and so another lock, of the same name. */
  lockAnew(): Promise<void>;
  /** Files of all envelopes below approvals/. */
  envelopes(): string[];
}

export async function makeApprovalProject(): Promise<ApprovalProject> {
  const at = makeProject();
  const newKey = async (name: string) => {
    const file = join(at.root, `${name}.key`);
    await at.run(['keys', 'new', file]);
    return file;
  };
  const alice = await newKey('alice');
  const policyOf = async (name: string, ...flags: string[]) => {
    const file = join(at.root, name);
    await at.run(['trust', 'init', '--person', 'alice', '--key', alice, '-o', file, ...flags]);
    return file;
  };
  const trust = await policyOf('trust.json', '--solo', '--allow-without-terminal');
  const lock = async () => expect((await at.run(['lock', 'plans/beam-small.plan.yaml'])).status).toBe(0);
  await lock();
  const plan = join(at.project, 'plans/beam-small.plan.yaml');
  return {
    ...at,
    alice,
    trust,
    newKey,
    policyOf,
    request: (...more) => at.run(['request', LOCK, '--by', 'bob', ...more]),
    approve: (...more) => at.run(['approve', LOCK, '--key', alice, '--trust', trust, ...more]),
    verify: (...more) => at.run(['verify', LOCK, '--trust', trust, '--json', ...more]),
    lockAnew: async () => {
      writeFileSync(plan, readFileSync(plan, 'utf8').replace('load: 100 N', 'load: 200 N'));
      await lock();
    },
    envelopes: () => envelopesBelow(join(at.project, 'approvals')),
  };
}

/** Changes a policy by hand, as a team does. */
export function editPolicy(file: string, change: (policy: Policy) => void): void {
  const policy = JSON.parse(readFileSync(file, 'utf8')) as Policy;
  change(policy);
  writeFileSync(file, JSON.stringify(policy));
}

/** The public half of a key as a policy holds it. */
export function entryOf(key: string): object {
  return JSON.parse(readFileSync(`${key}.pub`, 'utf8')) as object;
}

/** The code of the refusal, or `may run`. Standard output is exactly one JSON document either way. */
export function verdict({ status, stdout }: Ended): string {
  const document = JSON.parse(stdout) as { may_run?: boolean; error?: { code: string } };
  if (status === 0 && document.may_run === true) return 'may run';
  return `${status} ${document.error?.code}`;
}

function envelopesBelow(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root).flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.dsse.json'))
      .map((name) => join(root, folder, name)),
  );
}
