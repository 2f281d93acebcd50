import type { Command } from 'commander';
import type { InboxMessage, RunRow } from '../engines/ports.ts';
import { ExpctlError } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';
import type { App } from './app.ts';
import { command, type JsonOption, sameFlags, type StoreOption, withExamples, withJson, withStore } from './options.ts';
import { userName } from './perform.ts';
import { withRun } from './runs.ts';

interface ControlOptions extends StoreOption, JsonOption {
  readonly reason?: string;
}

export function pauseCommand(app: App): Command {
  const pause = control(app, 'pause', 'send nothing new; what is out is waited for, and jobs go on outside');
  return withExamples(pause, 'expctl pause beam-4f2a9c10 --reason "the licences are needed elsewhere"');
}

export function cancelCommand(app: App): Command {
  const cancel = control(app, 'cancel', 'end a run in good order: nothing new is sent, what is out is waited for');
  return withExamples(cancel, 'expctl cancel beam-4f2a9c10 --reason "wrong load case"');
}

function control(app: App, kind: 'pause' | 'cancel', summary: string): Command {
  return withJson(withStore(command(kind, summary)))
    .argument('[run]', 'id of a run, or its beginning (default: the latest)')
    .option('--reason <text>', 'why, for the journal')
    .action(async (prefix: string | undefined, options: ControlOptions) => {
      await withRun(app, options, prefix, async ({ store, run, reader }) => {
        const last = await lastStudyEvent(reader, run);
        if (last === 'run.finished') {
          throw new ExpctlError('USAGE', `Run ${run.run} has ended.`, { hint: 'Start another one with `expctl run`.' });
        }
        await postMessage(app, store, run, kind, { by: userName(app), reason: options.reason ?? '' });
        if (options.json === true) app.terminal.out(JSON.stringify({ run: run.run, posted: kind }, null, 2));
        app.terminal.note(`Run ${run.run}: ${kind} is asked for.`);
        app.terminal.note(
          `  The process that performs the run obeys at once; if none does now, the next \`expctl resume ${run.run}${sameFlags(options)}\` will.`,
        );
      });
    });
}

async function lastStudyEvent(
  reader: { read(run: string, options: { stream: string }): AsyncIterable<{ type: string }> },
  { run }: RunRow,
): Promise<string> {
  let last = '';
  for await (const { type } of reader.read(run, { stream: 'study' })) last = type;
  return last;
}

/** Leaves a message for whoever performs the run. */
export async function postMessage(
  app: App,
  store: string,
  { run }: Pick<RunRow, 'run'>,
  kind: InboxMessage['kind'],
  body: JsonObject,
): Promise<void> {
  const journal = await app.openJournal(store);
  try {
    await journal.post(run, kind, body);
  } finally {
    await journal.close();
  }
}
