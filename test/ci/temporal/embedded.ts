import { mkdirSync } from 'node:fs';
import { setTimeout as pauseFor } from 'node:timers/promises';
import type { ApprovedLock } from '../../../src/approval/authorise.ts';
import { systemClock } from '../../../src/adapters/host.ts';
import { openJournal } from '../../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';
import { ok, unwrap } from '../../../src/base/result.ts';
import { type EngineDeps, type Performance, resumeRun, startRun } from '../../../src/engines/embedded/engine.ts';
import { eventOf } from '../../../src/ir/events.ts';
import type { JournalRow } from '../../../src/ir/events.ts';
import type { Lock } from '../../../src/ir/lock.ts';
import type { Program } from '../../../src/kernel/program.ts';
import type { ToolHost } from '../../../src/engines/ports.ts';
import type { JournalLine } from './activities.ts';
import { believed, DECISION } from './approved.ts';
import { FakeTool } from './fake-tool.ts';
import { finishOrder, type Intervention, isStill } from './scenario.ts';

export interface EmbeddedRun {
  readonly folder: string;
  readonly approved: ApprovedLock<Lock>;
  readonly program: Program;
  readonly intervention: Intervention | null;
  /** The order in which the points shall finish: it is a fact, and the study follows from it. */
  readonly order: readonly number[];
}

/** Performs the run on the embedded engine, with a person who acts as the one of the Temporal run does. */
export async function runEmbedded(given: EmbeddedRun): Promise<JournalLine[]> {
  const { folder, approved, program, intervention } = given;
  mkdirSync(folder, { recursive: true });
  const tool = new FakeTool(folder);
  const letGo = intervention === null ? () => undefined : tool.holdJob(1);
  const run = 'embedded';
  const journal = openJournal(folder, { clock: systemClock, process: thisProcess() });
  const lines: JournalLine[] = [];
  let intervened = false;
  const deps: EngineDeps = {
    journal,
    tools: hostOf(tool, (point) => {
      const before = given.order.slice(0, given.order.indexOf(point));
      return before.every((other) => finishOrder(lines).includes(other));
    }),
    clock: systemClock,
    workFolder: async () => folder,
    host: {},
    verifyResolution: async () => {
      throw new Error('nothing is unresolved here');
    },
    verifyGate: async () => ok(believed(DECISION)),
    onNotice: (text) => {
      throw new Error(text);
    },
    onRow(row) {
      lines.push(lineOf(row));
      if (row.type === 'gate.opened') void journal.post(run, 'gate', {});
      if (intervention === null || intervened || !isStill(lines)) return;
      intervened = true;
      void journal.post(run, intervention.kind, { by: intervention.by, reason: intervention.reason });
    },
  };
  const options = { run, approved, program, wait: true, by: intervention?.by ?? 'nobody' };
  let performance: Performance = unwrap(await startRun(deps, options));
  for (;;) {
    const end = unwrap(await performance.end);
    if (end.kind === 'finished') break;
    if (end.kind !== 'paused') throw new Error(`the embedded engine ended: ${end.kind}`);
    letGo();
    performance = unwrap(await resumeRun(deps, options));
  }
  letGo();
  await journal.close();
  return lines;
}

function lineOf(row: JournalRow): JournalLine {
  return { stream: row.stream, seq: row.seq, event: eventOf(row) };
}

function hostOf(tool: FakeTool, mayFinish: (point: number) => boolean): ToolHost {
  return {
    open: async () =>
      ok({
        async call({ call, arguments: given, key, signal }) {
          const pause = () => pauseFor(10, undefined, { signal });
          const outcome = await tool.call(call, given, key, pause);
          while (call === 'post' && !mayFinish(Number(given['number']))) await pause();
          const observed = {};
          return outcome.ok
            ? { kind: 'answer', answer: outcome.answer, artifacts: [], observed }
            : { kind: 'failure', class: outcome.class, message: outcome.message, observed };
        },
        close: async () => undefined,
      }),
  };
}
