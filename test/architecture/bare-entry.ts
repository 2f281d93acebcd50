import { canonicalJson } from '../../src/ir/canonical.ts';
import { type DesignVariable, drawDesign, type Generator } from '../../src/design/draw.ts';
import { compileProgram } from '../../src/kernel/program.ts';
import { RunMachine } from '../../src/kernel/run.ts';
import { unwrap } from '../../src/base/result.ts';
import type { SmallJournal } from '../kernel/small-journal.ts';

/** Replays a journal and gives the number of commands that it led to. Everything goes in and out as text: no object of this realm. */
export function replay(text: string): string {
  const { lock, tables, entries } = JSON.parse(text) as SmallJournal;
  const machine = new RunMachine(unwrap(compileProgram(lock, new Map(tables))));
  let commands = 0;
  for (const { stream, seq, event } of entries) commands += machine.take(stream, seq, event).length;
  machine.close();
  return canonicalJson({ commands, study: machine.study });
}

export function draw(text: string): string {
  const { generator, variables } = JSON.parse(text) as { generator: Generator; variables: DesignVariable[] };
  return canonicalJson(unwrap(drawDesign(generator, variables)).points);
}
