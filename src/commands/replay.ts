import type { Command } from 'commander';
import type { Trust } from '../approval/trust.ts';
import { ExpctlError } from '../base/error.ts';
import { effectKey } from '../engines/effect-key.ts';
import { type ReplayReport, replayRun } from '../provenance/replay.ts';
import { divergenceMessage, replayLines } from '../ui/run-status/replay-view.ts';
import { styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { command, type JsonOption, type StoreOption, storeFlag, type TrustOption, withExamples } from './options.ts';
import { withJson, withStore, withTrust } from './options.ts';
import { projectOfStore } from './project.ts';
import { loadRun, type LoadedRun, type OpenedRun, withRun } from './runs.ts';

type Options = StoreOption & JsonOption & TrustOption;
type FoundTrust = Trust & { readonly path: string };

export function replayCommand(app: App): Command {
  const replay = withJson(withTrust(withStore(command('replay', 'recompute a run from its lock and journal'))))
    .argument('[run]', 'id of the run, or its beginning (default: the latest)')
    .action(async (run: string | undefined, options: Options) => replayAction(app, run, options));
  return withExamples(replay, 'expctl replay', 'expctl replay beam-4f2a --trust ~/trust.json', 'expctl replay --json');
}

/** Opens the store alone: no tool, no model, no network. */
async function replayAction(app: App, prefix: string | undefined, options: Options): Promise<void> {
  const { report, trust } = await withRun(app, options, prefix, async (opened) => {
    const found = await trustFor(app, options.trust, opened.store);
    const loaded = await loadEvidence(app, opened);
    return { report: await replayOpened(app, opened, loaded, found), trust: found };
  });
  if (report.divergence !== null) throw broken(report);
  if (options.json === true) {
    app.terminal.out(JSON.stringify({ holds: true, ...report, trust: trust?.path ?? null }, null, 2));
  } else {
    const style = styleFor(app.terminal.colour.out);
    app.terminal.out(replayLines(report, trust?.path ?? null, style).join('\n'));
    app.terminal.note(`\nFrom a number back to what made it: expctl trace ${report.run}${storeFlag(options)}`);
  }
}

export async function replayOpened(
  app: App,
  { run, reader, store }: OpenedRun,
  loaded: LoadedRun,
  trust: Trust | null,
): Promise<ReplayReport> {
  return replayRun({
    run,
    lock: loaded.lock,
    lock_bytes: loaded.lock_bytes,
    program: loaded.program,
    rows: reader.read(run.run),
    objects: await app.artifacts(store),
    trust,
    effectKey,
  });
}

/** A lock or table that is not what its digest says is evidence that does not hold, whatever it would be elsewhere. */
export async function loadEvidence(app: App, { store, run }: OpenedRun): Promise<LoadedRun> {
  try {
    return await loadRun(app, store, run);
  } catch (error) {
    if (!(error instanceof ExpctlError) || error.exit === 7) throw error;
    const details = { ...error.details, found_by: 'digest' };
    const message = `The evidence of run ${run.run} breaks before its first event, found by a digest.\n${error.message}`;
    throw new ExpctlError('EVIDENCE_BROKEN', message, { hint: error.hint, cause: error, details });
  }
}

/** The policy that was named; else the one that is found, if it can be used: without one, signatures are not checked. */
export async function trustFor(app: App, flag: string | undefined, store: string): Promise<FoundTrust | null> {
  const trust = await app.trust(flag, await projectOfStore(app, store));
  if (trust.ok) return trust.value;
  if (flag !== undefined) throw trust.error;
  return null;
}

function broken(report: ReplayReport): ExpctlError {
  const divergence = report.divergence!;
  const code = divergence.found_by === 'kernel' ? 'REPLAY_DIVERGED' : 'EVIDENCE_BROKEN';
  const hint = 'Compare with a backup of the store. Nothing behind this place can be believed.';
  const details = { run: report.run, ...divergence, proved: report.proved };
  return new ExpctlError(code, divergenceMessage(report.run, divergence), { hint, details });
}
