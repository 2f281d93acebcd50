import type { Command } from 'commander';
import { verifyGateDecision } from '../approval/gate.ts';
import { parseRequest } from '../approval/request.ts';
import { NAMESPACES } from '../approval/signature.ts';
import { buildGateDecision, type JournalHead } from '../approval/statement.ts';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import type { JournalReader } from '../engines/ports.ts';
import { eventOf, type GateOpened, type JournalRow } from '../ir/events.ts';
import type { Lock } from '../ir/lock.ts';
import { openGate } from '../provenance/gates.ts';
import { gateText } from '../ui/run/gate-text.ts';
import type { App } from './app.ts';
import { postMessage } from './control.ts';
import {
  command,
  duration,
  type JsonOption,
  sameFlags,
  usage,
  withExamples,
  withJson,
  withKey,
  withStore,
  withTrust,
} from './options.ts';
import { loadRun, type OpenedRun, withRun } from './runs.ts';
import { noteWhoGoesOn, type SigningOptions, signSaying } from './signed-message.ts';

interface GateOptions extends SigningOptions, JsonOption {
  readonly outcome?: string;
}

export function gateCommand(app: App): Command {
  const gate = command('gate', 'show what an open gate asks, and decide it with a signature')
    .argument('[run]', 'id of a run, or its beginning (default: the latest)')
    .option('--outcome <word>', 'the decision: one of the outcomes that the plan allows')
    .option('--comment <text>', 'a comment, signed with the decision')
    .option('--valid <duration>', 'how long the decision may be used (default: 14d)', duration);
  return withExamples(
    withJson(withTrust(withKey(withStore(gate)))).action((prefix: string | undefined, options: GateOptions) =>
      withRun(app, options, prefix, (opened) => decide(app, opened, options)),
    ),
    'expctl gate beam-4f2a9c10',
    'expctl gate beam-4f2a9c10 --outcome continue --key ~/.ssh/id_ed25519',
  );
}

/** A gate that waits, with the head of the study's stream at which it was opened. */
interface Waiting {
  readonly gate: GateOpened;
  readonly head: JournalHead;
}

async function decide(app: App, opened: OpenedRun, options: GateOptions): Promise<void> {
  const { store, reader, run } = opened;
  const waiting = await waitingGate(reader, run.run);
  const { lock } = await loadRun(app, store, run);
  const text = gateText({ lock, run: run.run, gate: waiting.gate });
  const outcome = options.outcome ?? null;
  if (outcome === null) return show(app, options, { lock, run: run.run, waiting, text });
  if (!waiting.gate.outcomes.includes(outcome)) {
    throw usage(`The plan allows ${waiting.gate.outcomes.join(' or ')} here, not ${outcome}.`, 'Choose one of these.');
  }
  app.terminal.note(text);
  const envelope = await signDecision(app, opened, waiting, outcome, options);
  await postMessage(app, store, run, 'gate', { envelope });
  if (options.json === true) {
    app.terminal.out(JSON.stringify({ run: run.run, gate: waiting.gate.gate, outcome, decided: true }, null, 2));
  }
  app.terminal.note(`Gate ${waiting.gate.gate}: ${outcome}, signed.`);
  noteWhoGoesOn(app, opened, options);
}

/** Without a decision: shows the evidence; exit status 5, since a person is waited for. */
function show(
  app: App,
  options: GateOptions,
  { lock, run, waiting, text }: { lock: Lock; run: string; waiting: Waiting; text: string },
): void {
  app.exit(5);
  const { gate } = waiting;
  if (options.json === true)
    app.terminal.out(JSON.stringify({ run, name: lock.name, ...gate, head: waiting.head }, null, 2));
  else app.terminal.out(text);
  app.terminal.note(
    `Decide: expctl gate ${run} --outcome '${gate.outcomes.join('|')}' --key FILE${sameFlags(options)}`,
  );
}

async function signDecision(
  app: App,
  opened: OpenedRun,
  { gate, head }: Waiting,
  outcome: string,
  options: GateOptions,
): Promise<string> {
  const { store, run } = opened;
  const artifacts = await app.artifacts(store);
  const { request } = unwrap(parseRequest(unwrap(await artifacts.get(run.request_sha256))));
  const { requested_by } = request;
  const open = openGate(gate, head, { ...run, requested_by });
  return signSaying(app, opened, options, {
    purpose: { purpose: 'gate', role: gate.role, requested_by },
    namespace: NAMESPACES.gate,
    build: (terms) => buildGateDecision({ ...open, outcome, ...terms }),
    verify: (signed) => verifyGateDecision({ ...signed, gate: open }),
  });
}

async function waitingGate(reader: JournalReader, run: string): Promise<Waiting> {
  let waiting: Waiting | null = null;
  for await (const row of reader.read(run, { stream: 'study' })) waiting = nextWaiting(waiting, row);
  if (waiting !== null) return waiting;
  const hint = `\`expctl status ${run}\` says where it stands.`;
  throw new ExpctlError('NOT_FOUND', `Run ${run} waits at no gate.`, { hint });
}

function nextWaiting(waiting: Waiting | null, row: JournalRow): Waiting | null {
  if (row.type === 'gate.opened') {
    return { gate: eventOf(row) as GateOpened, head: { stream: row.stream, seq: row.seq, hash: row.hash } };
  }
  const closes = ['gate.decided', 'study.timer_fired', 'run.cancelled', 'run.finished'];
  return closes.includes(row.type) ? null : waiting;
}
