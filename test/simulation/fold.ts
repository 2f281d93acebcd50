import { hash } from 'node:crypto';
import { verifyChain } from '../../src/ir/chain.ts';
import { eventOf, type JournalRow } from '../../src/ir/events.ts';
import { nextGrant } from '../../src/kernel/pools.ts';
import type { Program } from '../../src/kernel/program.ts';
import { RunMachine } from '../../src/kernel/run.ts';
import { Violation } from './violation.ts';

/** Verifies the chains of a journal and folds it from its beginning. @returns whether a step ever had to wait for tokens */
export function foldJournal(program: Program, rows: readonly JournalRow[]): { readonly waited: boolean } {
  const report = verifyChain(rows, (text) => hash('sha256', text));
  if (!report.ok) throw new Violation('fold', report.problems[0]!.message);
  const machine = new RunMachine(program);
  let waited = false;
  try {
    for (const row of rows) {
      machine.take(row.stream, row.seq, eventOf(row));
      waited ||= machine.pools.waiting.length > 0 && nextGrant(machine.pools) === null;
    }
    machine.close();
  } catch (error) {
    throw new Violation('fold', (error as Error).message);
  }
  return { waited };
}
