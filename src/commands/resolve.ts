import { resolve as absolute } from 'node:path';
import { type Command, Option } from 'commander';
import { utf8Text } from '../approval/bytes.ts';
import { type OpenEffect, verifyResolution } from '../approval/resolution.ts';
import { NAMESPACES } from '../approval/signature.ts';
import { buildResolution } from '../approval/statement.ts';
import { ExpctlError } from '../base/error.ts';
import type { Json } from '../base/json.ts';
import { unwrap } from '../base/result.ts';
import { parseStrictJson } from '../ir/strict-json.ts';
import { type UnresolvedView, unresolvedEffects } from '../provenance/unresolved.ts';
import { unresolvedText } from '../ui/run/unresolved-text.ts';
import type { App } from './app.ts';
import { postMessage } from './control.ts';
import {
  command,
  duration,
  integerAtLeast,
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
import { foldStand } from './stand.ts';

interface ResolveOptions extends SigningOptions, JsonOption {
  readonly point?: number;
  readonly step?: string;
  readonly as?: 'done' | 'failed' | 'not-done';
  readonly answer?: string;
}

export function resolveCommand(app: App): Command {
  const resolve = command('resolve', 'say, with a signature, what became of an effect that nobody knows of')
    .argument('[run]', 'id of a run, or its beginning (default: the latest)')
    .option('--point <number>', 'the point, where several effects wait', integerAtLeast(1))
    .option('--step <name>', 'the step, where several effects wait')
    .addOption(
      new Option(
        '--as <word>',
        'done: it happened, and --answer is what the tool would have said; failed: it happened to no use; not-done: it is sent again under its key',
      ).choices(['done', 'failed', 'not-done']),
    )
    .option('--answer <file>', 'the answer as JSON, for --as done')
    .option('--comment <text>', 'how you know, signed with it')
    .option('--valid <duration>', 'how long it may be used (default: 14d)', duration);
  return withExamples(
    withJson(withTrust(withKey(withStore(resolve)))).action((prefix: string | undefined, options: ResolveOptions) =>
      withRun(app, options, prefix, (opened) => resolveEffect(app, opened, options)),
    ),
    'expctl resolve beam-4f2a9c10',
    'expctl resolve beam-4f2a9c10 --point 7 --step solve --as not-done --comment "no job of that name" --key ~/.ssh/id_ed25519',
    'expctl resolve beam-4f2a9c10 --point 7 --step order --as done --answer order.json',
  );
}

async function resolveEffect(app: App, opened: OpenedRun, options: ResolveOptions): Promise<void> {
  const { store, run, reader } = opened;
  const { program } = await loadRun(app, store, run);
  const all = await unresolvedEffects((await foldStand(program, run, reader)).machine, reader, run.run);
  const { as } = options;
  if (as === undefined) return show(app, opened, all, options);
  const effect = theOne(run.run, all, options);
  const answer = await answerOf(app, options);
  app.terminal.note(unresolvedText(run.run, [effect]));
  const envelope = await signResolution(app, opened, effect, { as, answer }, options);
  const { point, step } = effect;
  await postMessage(app, store, run, 'resolve', { point, step, envelope });
  if (options.json === true) app.terminal.out(JSON.stringify({ run: run.run, point, step, as, posted: true }, null, 2));
  app.terminal.note(`Step ${step} of point ${point}: ${as}, signed.`);
  noteWhoGoesOn(app, opened, options);
}

/** Without a word on any: shows what waits; exit status 5 where something does, since a person is waited for. */
function show(app: App, { run }: OpenedRun, all: readonly UnresolvedView[], options: ResolveOptions): void {
  if (options.json === true) app.terminal.out(JSON.stringify({ run: run.run, unresolved: all }, null, 2));
  else app.terminal.out(unresolvedText(run.run, all));
  if (all.length === 0) return;
  app.exit(5);
  const { point, step } = all[0]!;
  const flags = sameFlags(options);
  app.terminal.note(
    `Say: expctl resolve ${run.run} --point ${point} --step ${step} --as 'done|failed|not-done' --key FILE${flags}`,
  );
}

function theOne(run: string, all: readonly UnresolvedView[], { point, step }: ResolveOptions): UnresolvedView {
  const found = all.filter(
    (effect) => (point === undefined || effect.point === point) && (step === undefined || effect.step === step),
  );
  const [only, ...others] = found;
  if (only === undefined) {
    const hint = `\`expctl resolve ${run}\` lists what does.`;
    throw new ExpctlError('NOT_FOUND', 'No such effect waits for a person.', { hint });
  }
  if (others.length === 0) return only;
  const names = found.slice(0, 5).map((effect) => `--point ${effect.point} --step ${effect.step}`);
  throw usage(`${found.length} effects wait for a person.`, `Say which: ${names.join(', or ')}.`);
}

async function answerOf(app: App, { as, answer }: ResolveOptions): Promise<Json> {
  if ((as === 'done') !== (answer !== undefined)) {
    throw usage(
      as === 'done' ? 'What is done has an answer.' : `What is ${as} has no answer.`,
      'Give --answer FILE, the JSON that the tool would have answered, with --as done and only with it.',
    );
  }
  if (answer === undefined) return null;
  const text = utf8Text(unwrap(await app.files.read(absolute(app.cwd, answer), 64 * 1024)));
  const parsed = text === undefined ? null : parseStrictJson(text);
  if (parsed?.ok === true) return parsed.value.value;
  const why = parsed === null ? 'it is not UTF-8' : parsed.error.message;
  throw new ExpctlError('USAGE', `${answer} holds no JSON: ${why}.`, {
    hint: 'Write what the tool would have answered.',
  });
}

function signResolution(
  app: App,
  opened: OpenedRun,
  { point, step, part, attempt, intent }: UnresolvedView,
  { as, answer }: { readonly as: NonNullable<ResolveOptions['as']>; readonly answer: Json },
  options: ResolveOptions,
): Promise<string> {
  const { run, lock_sha256, request_sha256 } = opened.run;
  const effect = { point, step, part, attempt };
  const open: OpenEffect = { lock_sha256, request_sha256, run_id: run, effect, intent };
  return signSaying(app, opened, options, {
    purpose: { purpose: 'resolve' },
    namespace: NAMESPACES.resolution,
    build: (terms) => buildResolution({ ...open, as: as === 'not-done' ? 'not_done' : as, answer, ...terms }),
    verify: (signed) => verifyResolution({ ...signed, open }),
  });
}
