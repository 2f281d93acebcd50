import type { JsonObject } from '../../base/json.ts';
import type { ApprovedLock } from '../../approval/authorise.ts';
import type { RunStarted } from '../../ir/events.ts';
import type { Lock } from '../../ir/lock.ts';
import type { Program, ProgramTable } from '../../kernel/program.ts';
import { RunMachine } from '../../kernel/run.ts';
import type { NewEvent } from '../ports.ts';
import { LIMITS, type StudyArguments } from './protocol.ts';

/** The first fact of a run. */
export function startedFact({ verdict, lock, lock_sha256 }: ApprovedLock<Lock>): RunStarted {
  const { request_sha256 } = verdict;
  const approvals = verdict.approvals.map((approval) => approval.envelope_sha256).sort();
  return { type: 'run.started', semantics: lock.semantics, lock_sha256, request_sha256, approvals };
}

/** What stands in the study's stream before any worker has seen the run. @param observed who asked for it, where, on which engine */
export function firstEvents(program: Program, started: RunStarted, observed: JsonObject): readonly NewEvent[] {
  const { events } = new RunMachine(program).settle(null, started);
  return events
    .filter(({ stream }) => stream === 'study')
    .map(({ stream, event }, index) => ({ stream, event, observed: index === 0 ? observed : {} }));
}

/** What a study's workflow is given. */
export function studyArguments(
  run: string,
  { lock, tables }: Program,
  begins: StudyArguments['begins'],
): StudyArguments {
  return {
    run,
    lock,
    tables: Object.fromEntries([...tables].map(([id, table]) => [id, designOf(table)])),
    limits: LIMITS,
    begins,
  };
}

function designOf({ columns, rows }: Pick<ProgramTable, 'columns' | 'rows'>) {
  return { columns: [...columns], rows: rows.map((row) => [...row]) };
}
