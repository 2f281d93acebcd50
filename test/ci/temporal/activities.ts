import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { unwrap } from '../../../src/base/result.ts';
import { effectKey } from '../../../src/engines/effect-key.ts';
import { canonicalJson } from '../../../src/ir/canonical.ts';
import type { Outcome, RunEvent } from '../../../src/ir/events.ts';
import { type PollCommand, pollEnded, type SendCommand } from '../../../src/kernel/point.ts';
import { compileProgram } from '../../../src/kernel/program.ts';
import { FakeTool } from './fake-tool.ts';
import type { Tail as Unwritten } from '../../../src/engines/temporal/protocol.ts';
import type { RunActivities } from './protocol.ts';

/** One line of the journal file of a run. */
export interface JournalLine {
  readonly stream: string;
  readonly seq: number;
  readonly event: RunEvent;
}

/** The activities of all runs of a store; each run has a folder of its own. */
export function createActivities(store: string): RunActivities {
  return {
    async send(run, point, command, unwritten) {
      write(store, run, unwritten);
      const { attempt } = Context.current().info;
      if (attempt > 1 && command.effect !== 'pure' && command.effect !== 'by_key') {
        const message = `${command.call} is declared \`${command.effect}\`: whether it happened is not known`;
        return { outcome: { ok: false, class: 'unknown_outcome', message }, sendings: 1, observed: {} };
      }
      return { outcome: await callTool(store, run, point, command), sendings: attempt, observed: {} };
    },

    async poll(run, point, command, unwritten, { lock, state }) {
      write(store, run, unwritten);
      const program = unwrap(compileProgram(lock, new Map()));
      for (;;) {
        const outcome = await callTool(store, run, point, command);
        if (!outcome.ok || pollEnded(program, state, command.step, outcome.answer)) {
          return { outcome, sendings: 1, observed: {} };
        }
        await pause(command.every_s);
      }
    },

    async verifyDecision(_run, decision) {
      return decision.statement_sha256 === 'a'.repeat(64);
    },

    async append(run, unwritten) {
      write(store, run, unwritten);
      const tool = new FakeTool(join(store, run));
      const types = unwritten.events.map(({ type }) => type);
      while (tool.isStalled(unwritten.stream, types)) await pause(0.02);
    },
  };
}

/** Appends what is not there yet; what is there must be the same. In one turn, so that two activities cannot write at once. */
function write(store: string, run: string, { stream, first_seq, events }: Unwritten): void {
  const known = journalOf(store, run).filter((line) => line.stream === stream);
  if (first_seq > known.length + 1) throw new Error(`${stream}/${first_seq} leaves a gap`);
  const missing: string[] = [];
  for (const [index, event] of events.entries()) {
    const seq = first_seq + index;
    const there = known[seq - 1];
    if (there === undefined) missing.push(`${JSON.stringify({ stream, seq, event })}\n`);
    else if (canonicalJson(there.event) !== canonicalJson(event)) throw new Error(`${stream}/${seq} is another event`);
  }
  appendFileSync(journalFile(store, run), missing.join(''));
}

function callTool(store: string, run: string, point: number, command: SendCommand | PollCommand): Promise<Outcome> {
  const call = command.call.slice('fake/'.length);
  const tool = new FakeTool(join(store, run));
  return tool.call(call, command.arguments, effectKey(run, point, command), () => pause(0.02));
}

/** The server notices by a missing heartbeat that a worker is gone. Throws when the activity is cancelled. */
function pause(seconds: number): Promise<void> {
  Context.current().heartbeat();
  return Context.current().sleep(seconds * 1000);
}

function journalFile(store: string, run: string): string {
  return join(store, run, 'journal.jsonl');
}

/** The journal of a run, in the order of appending. */
export function journalOf(store: string, run: string): JournalLine[] {
  const file = journalFile(store, run);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as JournalLine);
}
