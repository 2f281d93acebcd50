import { expect, test } from 'vitest';
import { unwrap } from '../../src/base/result.ts';
import { compileProgram } from '../../src/kernel/program.ts';
import { RunMachine } from '../../src/kernel/run.ts';
import { Lock } from '../../src/ir/lock.ts';
import { smallJournal } from './small-journal.ts';

test('the golden journal of semantics 1 is replayed for ever', () => {
  const { lock, tables, entries } = smallJournal();
  expect(Lock.parse(lock)).toEqual(lock);
  const machine = new RunMachine(unwrap(compileProgram(lock, new Map(tables))));
  for (const { stream, seq, event } of entries) machine.take(stream, seq, event);
  machine.close();
  expect(machine.study).toMatchObject({ status: 'finished', in_flight: [], paused: false });
  expect(entries.length).toBeGreaterThan(150);
});
