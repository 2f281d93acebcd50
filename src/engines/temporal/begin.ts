import type { JsonObject } from '../../base/json.ts';
import type { RunStarted } from '../../ir/events.ts';
import type { Program, ProgramTable } from '../../kernel/program.ts';
import { RunMachine } from '../../kernel/run.ts';
import type { NewEvent } from '../ports.ts';
import { LIMITS, type StudyArguments } from './protocol.ts';

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
