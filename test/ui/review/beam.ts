import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { lockFacts } from '../../../src/approval/lock-facts.ts';
import { buildRequest, type RequestDocument } from '../../../src/approval/request.ts';
import { unwrap } from '../../../src/base/result.ts';
import { LOCAL_ENVIRONMENT } from '../../../src/ir/environment.ts';
import { checkPlan } from '../../../src/plan/check.ts';
import { lockPlan } from '../../../src/plan/lock.ts';
import { verifyTables } from '../../../src/plan/lock-file.ts';
import { readSource } from '../../../src/plan/source.ts';
import { parseToolsLock } from '../../../src/plan/tools-files.ts';
import type { ReviewInput } from '../../../src/ui/review/view.ts';

const PLAN = new URL('../../../plans/beam.plan.yaml', import.meta.url);
const TOOLS = new URL('../../plan/fixtures/beam.tools.lock.json', import.meta.url);

export const NOON_MS = Date.UTC(2026, 5, 1, 12);

/** The plan of the beam, as its author wrote it. */
export function beamPlan(): string {
  return readFileSync(PLAN, 'utf8');
}

/** A plan of the beam, locked with the pinned tools of the fixtures. */
export function lockBeam(plan = beamPlan()) {
  const source = unwrapProblems(readSource('beam.plan.yaml', new TextEncoder().encode(plan)));
  const tools = unwrap(parseToolsLock(readFileSync(TOOLS)));
  const { checked, problems } = checkPlan({
    plan: source,
    tools,
    environment: LOCAL_ENVIRONMENT,
    file: () => undefined,
  });
  if (checked === null) throw new Error(problems.map(({ message }) => message).join('\n'));
  const { lock, bytes, tables: table_texts } = unwrap(lockPlan(checked));
  const tables = unwrap(verifyTables(lock, (sha256) => table_texts.get(sha256)));
  return { lock, bytes, table_texts, tables, lock_sha256: createHash('sha256').update(bytes).digest('hex') };
}

function unwrapProblems<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.error));
}

export function requestFor(locked: ReturnType<typeof lockBeam>, requested_by: string | null = 'dave'): RequestDocument {
  const { plan_name, environment, limits } = lockFacts(locked.lock);
  const { lock_sha256 } = locked;
  return unwrap(buildRequest({ lock_sha256, plan_name, environment, limits, requested_by, now_ms: NOON_MS }));
}

/** What a review of the beam is made from: nobody has asked yet, and nothing was approved before. */
export function beamInput(changes: Partial<ReviewInput> = {}, plan = beamPlan()): ReviewInput {
  const locked = lockBeam(plan);
  const { lock, lock_sha256, tables } = locked;
  const { request, sha256: request_sha256 } = requestFor(locked);
  return { lock, lock_sha256, tables, last_approved: null, request, request_sha256, request_is_new: true, ...changes };
}
