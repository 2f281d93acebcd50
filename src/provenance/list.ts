import { gateRule, hasRole, isSelf, type Trust } from '../approval/trust.ts';
import type { JournalRow, StudyEvent } from '../ir/events.ts';
import type { Lock } from '../ir/lock.ts';
import { StudySummary } from '../ir/study-summary.ts';
import type { RunFacts, RunHolder } from './ports.ts';
import { eventOf, observedOf } from './rows.ts';
import { plannedPoints, type RunState, stateOf } from './state.ts';
import { waitsFor, type WaitsFor } from './status.ts';

/** A run in the list of all runs; what `list --json` prints. */
export interface ListedRun {
  readonly run: string;
  readonly plan: string;
  readonly state: RunState;
  readonly reason: string | null;
  readonly created_ms: number;
  readonly ended_ms: number | null;
  readonly points: { readonly done: number; readonly failed: number; readonly planned: number | null };
  readonly waits_for: WaitsFor | null;
}

interface ListInput {
  readonly run: RunFacts;
  /** What is known of the run already. */
  readonly known: StudySummary | null;
  /** The rows behind that: those of the stream `study` count. */
  readonly rows: AsyncIterable<JournalRow>;
  /** null where the store lacks it. */
  readonly lock: Lock | null;
  readonly holder: RunHolder;
  readonly inbox: readonly string[];
}

/** A run from its study's stream alone: points may be many. */
export async function listedRun({ run, known, rows, lock, holder, inbox }: ListInput): Promise<ListedRun> {
  const study = known ?? new StudySummary();
  for await (const row of rows) {
    if (row.stream === 'study') study.take(row, eventOf(row) as StudyEvent, observedOf(row));
  }
  const gate = study.finished === null ? study.open_gate : null;
  return {
    run: run.run,
    plan: run.name,
    state: stateOf(study, holder),
    reason: study.finished?.reason ?? null,
    created_ms: run.created_ms,
    ended_ms: study.finished?.at.wall_ms ?? null,
    points: {
      done: study.done,
      failed: study.counts.failed,
      planned: lock === null ? null : plannedPoints(lock, study),
    },
    waits_for: gate === null ? null : waitsFor(run.run, gate, inbox.includes('gate')),
  };
}

/** Whether a person could decide the gate at which the run waits, as far as the trust policy says. */
export function waitsForPerson(
  listed: ListedRun,
  person: string,
  options: { readonly trust: Trust; readonly requested_by: string | null },
): boolean {
  const { waits_for } = listed;
  if (waits_for === null || waits_for.decision_posted) return false;
  const rule = gateRule(options.trust, waits_for.role);
  if (rule === undefined || !hasRole(options.trust, person, waits_for.role)) return false;
  return rule.allow_self || !isSelf(options.requested_by, person);
}
