import { dirname, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import { LOCAL_ENVIRONMENT } from '../ir/environment.ts';
import type { Plan } from '../ir/plan.ts';
import { readSource } from '../plan/source.ts';
import { type DraftOutcome, draftPlan, type FinishedDraft } from '../planner/draft.ts';
import { readBase, type Site } from '../planner/judge.ts';
import type { Complaint } from '../planner/complaint.ts';
import { buildPrompt, type Prompt } from '../planner/prompt.ts';
import { plural } from '../ui/format.ts';
import { DraftProgressView } from '../ui/planner/progress.ts';
import { safeText } from '../ui/safe-text.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { readEnvironment } from './environment.ts';
import { sha256Of } from './locks.ts';
import { command, integerAtLeast, type JsonOption, usage, withExamples, withJson } from './options.ts';
import { plannerConfig } from './plan-config.ts';
import { namedFiles, requireToolsLock } from './plan-input.ts';
import { assertOutput, draftPath, type OutputOptions, outputPath } from './plan-path.ts';
import { projectHere, projectOf, shownPath, storeOf } from './project.ts';

interface PlanOptions extends JsonOption, OutputOptions {
  readonly from?: string;
  readonly model?: string;
  readonly rounds?: number;
  readonly env?: string;
  readonly by: string;
}

const DEFAULT_ROUNDS = 4;

export function planCommand(app: App): Command {
  const plan = command('plan', 'draft a plan with a language model')
    .argument('<goal>', 'what the experiment is for, in your words; with --from, what to change')
    .option('--from <plan>', 'plan to start from')
    .option('-o, --output <file>', 'where the plan is written (default: NAME.plan.yaml here)')
    .option('--model <name>', 'model to ask (default: ANTHROPIC_MODEL, the config files)')
    .option('--rounds <n>', `the most times the model is asked (default: ${DEFAULT_ROUNDS})`, integerAtLeast(1))
    .option('--env <name>', 'environment, a file of the folder environments (default: local)')
    .option('--by <name>', 'your name, as the plan says who wrote what', 'person')
    .option('--force', 'write over a plan that exists')
    .action((goal: string, options: PlanOptions) => runPlan(app, goal, options));
  return withExamples(
    withJson(plan),
    'expctl plan "Lightest cantilever that deflects at most 0.2 mm under 100 N at the tip"',
    'expctl plan "Also vary the length, 150 to 250 mm" --from beam.plan.yaml -o beam-2.plan.yaml',
  );
}

async function runPlan(app: App, goal: string, options: PlanOptions): Promise<void> {
  const words = goal.trim();
  if (words === '' || words.length > 4000)
    throw usage('A goal has 1 to 4000 characters.', 'Say in a sentence what is sought.');
  if (!/^.{1,100}$/.test(options.by) || options.by === 'model' || options.by === 'default') {
    throw usage('--by is your name, of at most 100 characters.', '`model` and `default` say that no person wrote it.');
  }
  await assertOutput(app, options);
  const from = options.from === undefined ? undefined : resolve(app.cwd, options.from);
  const project = from === undefined ? await projectHere(app) : await projectOf(app, from);
  const config = await plannerConfig(app, project);
  const { model: configured_model, base_url, max_tokens } = config;
  const model = unwrap(await app.model({ model: options.model, configured_model, base_url, max_tokens }));
  const tools = await requireToolsLock(app, project);
  const environment = unwrap(await readEnvironment(app, project, options.env ?? LOCAL_ENVIRONMENT.name));
  const { base, site } = await readFrom(app, from, { tools, environment, file: () => undefined });
  const prompt = unwrap(buildPrompt({ goal: words, tools, environment, base }));
  const rounds = options.rounds ?? config.rounds ?? DEFAULT_ROUNDS;
  const context = { goal: words, person: options.by, base: base?.plan ?? null, prompt, site, rounds };
  const controller = new AbortController();
  const stopListening = app.onInterrupt(() => controller.abort());
  try {
    const ports = { model, signal: controller.signal, now_ms: () => app.clock.now_ms() };
    const outcome = await follow(app, draftPlan(context, ports));
    await conclude(app, { outcome, prompt, project, options, from, model: model.name });
  } finally {
    stopListening();
  }
}

interface Base {
  readonly plan: Plan;
  readonly complaints: readonly Complaint[];
}

/** The plan to start from, and the files that it may name. */
async function readFrom(app: App, path: string | undefined, site: Site): Promise<{ base: Base | null; site: Site }> {
  if (path === undefined) return { base: null, site };
  const file = shownPath(app, path);
  const source = readSource(file, unwrap(await app.files.read(path)));
  if (!source.ok) throw unfitBase(file, source.error);
  const whole = { ...site, file: await namedFiles(app, dirname(path), source.value) };
  const base = readBase(source.value, whole);
  if ('problems' in base) throw unfitBase(file, base.problems);
  return { base, site: whole };
}

function unfitBase(file: string, problems: readonly { line: number; message: string; fix: string }[]): ExpctlError {
  const [first] = problems;
  const message = `${file} cannot be started from${first === undefined ? '.' : `: line ${first.line}: ${first.message}`}`;
  return new ExpctlError('PLAN_INVALID', message, {
    hint: first?.fix ?? `See \`expctl check ${file}\`.`,
    details: { problems },
  });
}

async function follow(
  app: App,
  progress: AsyncGenerator<Parameters<DraftProgressView['show']>[0], DraftOutcome, void>,
): Promise<DraftOutcome> {
  const { terminal, env } = app;
  const canRedraw = terminal.stderr.isTTY === true && env['TERM'] !== 'dumb' && (env['CI'] ?? '') === '';
  const view = new DraftProgressView({
    note: (text) => terminal.note(text),
    write: canRedraw ? (text) => void terminal.stderr.write(text) : null,
    columns: terminal.columns,
    style: styleFor(terminal.colour.err),
    now_ms: () => app.clock.now_ms(),
  });
  try {
    for (;;) {
      const next = await progress.next();
      if (next.done === true) return next.value;
      view.show(next.value);
    }
  } finally {
    view.end();
  }
}

interface Ended {
  readonly outcome: DraftOutcome;
  readonly prompt: Prompt;
  readonly project: string;
  readonly options: PlanOptions;
  readonly from: string | undefined;
  readonly model: string;
}

/** Writes the transcript, then the plan or what there is of one, and says how it ended. */
async function conclude(app: App, ended: Ended): Promise<void> {
  const { outcome, options, from } = ended;
  const transcript = await writeTranscript(app, ended);
  const { draft, end } = outcome;
  const place = { options, folder: from === undefined ? app.cwd : dirname(from) };
  if (end === 'interrupted' || end === 'failed') {
    if (draft !== null) await keepDraft(app, draft, place);
    if (end === 'failed') throw outcome.error!;
    app.terminal.note(`Interrupted. ${draft === null ? 'There was no draft yet. ' : ''}Transcript: ${transcript}`);
    app.exit(130);
    return;
  }
  if (draft === null) throw noPlan(outcome, transcript);
  // It may have come into being while the model was at work.
  const path = await outputPath(app, options, place.folder, String(draft.plan['name']));
  unwrap(await app.files.write(path, draft.yaml));
  tell(app, ended, { path, draft, transcript });
  if (!draft.valid) app.exit(2);
}

async function keepDraft(
  app: App,
  draft: FinishedDraft,
  { options, folder }: { options: OutputOptions; folder: string },
): Promise<void> {
  const path = draftPath(await outputPath(app, { ...options, force: true }, folder, String(draft.plan['name'])));
  unwrap(await app.files.write(path, draft.yaml));
  app.terminal.note(`The last draft is kept: ${shownPath(app, path)}`);
}

async function writeTranscript(app: App, { outcome, prompt, project }: Ended): Promise<string> {
  const folder = join(storeOf(app, project, undefined), 'planner', prompt.sha256);
  // The same prompt again: the plan of the first time names the transcript of the first time.
  const isTaken = await app.files.exists(join(folder, 'transcript.json'));
  const name = isTaken ? `transcript-${sha256Of(outcome.transcript).slice(0, 12)}.json` : 'transcript.json';
  unwrap(await app.files.write(join(folder, name), outcome.transcript, { mode: 0o600 }));
  return shownPath(app, join(folder, name));
}

function noPlan({ complaints, rounds }: DraftOutcome, transcript: string): ExpctlError {
  const [last] = complaints;
  const message = `The model was asked ${plural(rounds, 'time')} and gave no plan. ${last?.message ?? ''}`.trim();
  const hint = `Try another model (--model NAME), or write the plan without one: \`expctl init\`. Transcript: ${transcript}`;
  return new ExpctlError('MODEL_UNAVAILABLE', message, { hint, details: { transcript, problems: complaints } });
}

interface Written {
  readonly path: string;
  readonly draft: FinishedDraft;
  readonly transcript: string;
}

function tell(app: App, ended: Ended, { path, draft, transcript }: Written): void {
  const { outcome, prompt, options, model } = ended;
  const file = shownPath(app, path);
  const errors = draft.problems.filter(({ severity }) => severity === 'error');
  if (options.json === true) {
    const { plan, valid, problems } = draft;
    const document = {
      plan: file,
      valid,
      end: outcome.end,
      name: plan['name'],
      rounds: outcome.rounds,
      model,
      usage: outcome.usage,
    };
    const where = { prompt_sha256: prompt.sha256, transcript, drafted: plan['drafted'], problems };
    app.terminal.out(JSON.stringify({ ...document, ...where }, null, 2));
  }
  const style = styleFor(app.terminal.colour.out);
  const rounds = plural(outcome.rounds, 'round');
  if (!draft.valid) {
    const why = outcome.end === 'repeated' ? 'the same problems came back' : 'no round is left';
    const left = plural(Math.max(errors.length, outcome.complaints.length), 'problem');
    app.terminal.note(
      `${style.bad(MARKS.failed)} ${file} is not valid yet after ${rounds} (${why}): ${left}, marked \`# error:\` in it.`,
    );
    app.terminal.note(
      `Correct them by hand, or: expctl plan "..." --from ${relative(app.cwd, path)}\nTranscript: ${transcript}`,
    );
    return;
  }
  if (options.json !== true)
    app.terminal.out(`${style.good(MARKS.done)} ${file}: drafted by ${safeText(model)} in ${rounds}.`);
  for (const { code, message } of draft.problems) {
    if (code === 'OPEN_QUESTION') app.terminal.note(`  ${MARKS.waits} ${safeText(message)}`);
  }
  app.terminal.note(`Transcript: ${transcript}\nNext: expctl check ${file}, then expctl lock ${file}`);
}
