import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { ExpctlError } from '../base/error.ts';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { unwrap } from '../base/result.ts';
import { utf8 } from '../base/sha256.ts';
import { LOCAL_ENVIRONMENT } from '../ir/environment.ts';
import { readSource } from '../plan/source.ts';
import { type Ask, holdInterview, talkPlan, WrittenAnswers } from '../planner/interview/interview.ts';
import { checkValue, type Site } from '../planner/judge.ts';
import { planYaml, valueYaml, withProblems } from '../planner/plan-yaml.ts';
import { plural } from '../ui/format.ts';
import { askAtTerminal, isLeaving } from '../ui/planner/ask.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { readEnvironment } from './environment.ts';
import { collect, command, type JsonOption, usage, withExamples, withJson } from './options.ts';
import { requireToolsLock } from './plan-input.ts';
import { assertOutput, draftPath, type OutputOptions, outputPath } from './plan-path.ts';
import { projectHere, shownPath } from './project.ts';

interface InitOptions extends JsonOption, OutputOptions {
  readonly answers?: string;
  readonly set?: readonly string[];
  readonly saveAnswers?: string;
  readonly env?: string;
}

export function initCommand(app: App): Command {
  const init = command('init', 'write a plan by answering questions, without a model')
    .option('-o, --output <file>', 'where the plan is written (default: NAME.plan.yaml here)')
    .option('--answers <file>', 'take the answers from this YAML file, and the defaults where it is silent')
    .option('--set <id=answer>', 'one answer; may be given several times, and comes before the file', collect)
    .option('--save-answers <file>', 'also write the answers, for --answers')
    .option('--env <name>', 'environment, a file of the folder environments (default: local)')
    .option('--force', 'write over a plan that exists')
    .action((options: InitOptions) => runInit(app, options));
  return withExamples(
    withJson(init),
    'expctl init',
    'expctl init --save-answers answers.yaml',
    'expctl init --answers answers.yaml --set points=32 -o wide.plan.yaml',
  );
}

async function runInit(app: App, options: InitOptions): Promise<void> {
  const written = await writtenAnswers(app, options);
  if (written === null && !app.terminal.interactive) {
    throw usage(
      'There is no terminal to ask at.',
      'Give the answers: --answers FILE.yaml (docs/planner.md), or --set ID=ANSWER.',
    );
  }
  await assertOutput(app, options);
  const project = await projectHere(app);
  const tools = await requireToolsLock(app, project);
  const environment = unwrap(await readEnvironment(app, project, options.env ?? LOCAL_ENVIRONMENT.name));
  const talk = talkPlan({ tools, environment, name: basename(project) });
  const held = await hold(app, talk, written);
  if (held === null) return;
  if (written !== null) unwrap(written.check());
  if (options.saveAnswers !== undefined) {
    unwrap(await app.files.write(resolve(app.cwd, options.saveAnswers), valueYaml(held.answers)));
  }
  await writePlan(app, held.plan, { tools, environment, file: () => undefined }, options);
}

/** Answers of the file and of --set; null where neither is given. */
async function writtenAnswers(app: App, { answers, set = [] }: InitOptions): Promise<WrittenAnswers | null> {
  if (answers === undefined && set.length === 0) return null;
  const given: JsonObject = {};
  if (answers !== undefined) {
    const source = readSource(answers, unwrap(await app.files.read(resolve(app.cwd, answers))));
    if (!source.ok) {
      const [first] = source.error;
      throw new ExpctlError(
        'DATA_INVALID',
        `${answers}, line ${first?.line ?? 1}: ${first?.message ?? 'it cannot be read.'}`,
        {
          hint: first?.fix ?? 'Correct it.',
        },
      );
    }
    if (!isJsonObject(source.value.value)) {
      throw new ExpctlError('DATA_INVALID', `${answers} is not a map.`, {
        hint: 'Write a line `ID: ANSWER` for each answer.',
      });
    }
    Object.assign(given, source.value.value);
  }
  for (const each of set) {
    const at = each.indexOf('=');
    if (at < 1) throw usage(`\`${each}\` is no answer.`, 'Write --set ID=ANSWER.');
    given[each.slice(0, at)] = setValue(each.slice(at + 1));
  }
  return new WrittenAnswers(given);
}

/** As YAML would read it on one line, where that is a list or true or false; else text. */
function setValue(text: string): Json {
  const source = readSource('set.yaml', utf8(`value: ${text}\n`));
  const value = source.ok ? (source.value.value as JsonObject)['value'] : undefined;
  return Array.isArray(value) || typeof value === 'boolean' ? value : text;
}

/** The interview; null where the person left it. */
async function hold(
  app: App,
  talk: ReturnType<typeof talkPlan>,
  written: WrittenAnswers | null,
): Promise<Awaited<ReturnType<typeof holdInterview>> | null> {
  if (written !== null) return holdInterview(talk, written.ask);
  const controller = new AbortController();
  const stopListening = app.onInterrupt(() => controller.abort());
  const { stdin, stderr } = app.terminal;
  const ask: Ask = (question) => askAtTerminal(question, { input: stdin, output: stderr, signal: controller.signal });
  try {
    return await holdInterview(talk, ask);
  } catch (error) {
    if (!isLeaving(error)) throw error;
    app.terminal.note('Left; nothing was written.');
    app.exit(130);
    return null;
  } finally {
    stopListening();
  }
}

async function writePlan(app: App, plan: JsonObject, site: Site, options: InitOptions): Promise<void> {
  const path = await outputPath(app, options, app.cwd, String(plan['name']));
  const { problems, checked } = checkValue(plan, site);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (checked === null) {
    const draft = draftPath(path);
    unwrap(await app.files.write(draft, withProblems(planYaml(plan), problems)));
    const message =
      `The answers do not make a valid plan: ${plural(errors.length, 'problem')}. ${errors[0]?.message ?? ''}`.trim();
    const hint = `${errors[0]?.fix ?? ''} What was answered is kept in ${shownPath(app, draft)}.`.trim();
    throw new ExpctlError('PLAN_INVALID', message, { hint, details: { problems: errors } });
  }
  unwrap(await app.files.write(path, planYaml(plan)));
  const file = shownPath(app, path);
  const style = styleFor(app.terminal.colour.out);
  const shown = { plan: file, name: plan['name'], forecast: checked.forecast, problems };
  app.terminal.out(
    options.json === true ? JSON.stringify(shown, null, 2) : `${style.good(MARKS.done)} ${file}: a valid plan.`,
  );
  app.terminal.note(`Next: expctl check ${file}, then expctl lock ${file}`);
}
