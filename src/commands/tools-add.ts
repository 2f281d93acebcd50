import { isAbsolute, join, relative, resolve } from 'node:path';
import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import { closest } from '../ir/expression/suggest.ts';
import { EffectKind, type PinnedTool, type ToolDeclaration, ToolsFile } from '../ir/tools.ts';
import { plural } from '../ui/format.ts';
import { safeText } from '../ui/safe-text.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import { callLines } from '../ui/tools.ts';
import type { App } from './app.ts';
import { type JsonOption, usage } from './options.ts';
import { shownPath } from './project.ts';
import { withTool } from './tools-file.ts';
import { discovery, readTools, writePins } from './tools-project.ts';

export interface AddOptions extends JsonOption {
  readonly call?: readonly string[];
  readonly probe?: string;
  readonly replace?: boolean;
}

/** Starts a server once, learns its calls, and writes them into the tools file and the tools lock. */
export async function addTool(app: App, name: string, command: readonly string[], options: AddOptions): Promise<void> {
  const found = await readTools(app);
  assertName(name);
  if (Object.hasOwn(found.declared, name) && options.replace !== true) {
    throw usage(`There is a tool ${name} already.`, 'Choose another name, or add --replace.');
  }
  const wishes = new Map((options.call ?? []).map(parseCallWish));
  const tools = await discovery(app, found.project);
  const mcp = { command: await fromProject(app, found.project, command) };
  const learned = unwrap(await tools.discover(name, { mcp, calls: {} }));
  const declaration = declarationOf(mcp, Object.keys(learned.calls), wishes, options.probe);
  const pinned = unwrap(await tools.discover(name, declaration));
  unwrap(await app.files.write(found.file_path, withTool(found.text, name, declaration)));
  await writePins(app, found.project, { ...found.pinned, [name]: pinned });
  if (options.json === true) app.terminal.out(JSON.stringify({ name, declaration, pinned }, null, 2));
  else tell(app, name, pinned, shownPath(app, found.file_path));
}

function assertName(name: string): void {
  if (ToolsFile.shape.tools.keyType.safeParse(name).success) return;
  throw usage(`\`${name}\` is not a name for a tool.`, 'A letter, then letters, digits, _ and -, at most 64.');
}

type Declared = ToolDeclaration['calls'][string];

/** NAME=EFFECT or NAME=by_key:ARGUMENT */
function parseCallWish(text: string): [name: string, declared: Declared] {
  const [, name, effect, argument] = /^([^=]+)=([a-z_]+)(?::(.+))?$/.exec(text) ?? [];
  const kind = EffectKind.safeParse(effect);
  if (name === undefined || !kind.success) {
    const hint = 'Write NAME=pure, NAME=once or NAME=by_key:ARGUMENT.';
    throw usage(`\`${text}\` does not say what a call does outside.`, hint);
  }
  if ((kind.data === 'by_key') !== (argument !== undefined)) {
    throw usage(
      `\`${text}\`: an argument that carries the key goes with by_key, and only with it.`,
      `Write ${name}=by_key:ARGUMENT.`,
    );
  }
  return [name, { effect: kind.data, ...(argument === undefined ? {} : { key: { argument } }) }];
}

/** Every call of the server; `once` unless the person said otherwise, for nobody else can know. */
function declarationOf(
  mcp: { command: string[] },
  names: readonly string[],
  wishes: Map<string, Declared>,
  probe: string | undefined,
): ToolDeclaration {
  if (probe !== undefined) wishes.set(probe, { effect: 'pure' });
  for (const wish of wishes.keys()) {
    if (names.includes(wish)) continue;
    const near = closest(wish, names);
    const hint = near === undefined ? `It has ${names.join(', ')}.` : `Did you mean ${near}?`;
    throw new ExpctlError('TOOLS_INVALID', `The server has no call ${wish}.`, { hint });
  }
  const calls = names.map((name): [string, Declared] => [name, wishes.get(name) ?? { effect: 'once' }]);
  return { mcp, ...(probe === undefined ? {} : { version: { call: probe } }), calls: Object.fromEntries(calls) };
}

/** Paths count from the project's folder; a person writes them from where they are. */
async function fromProject(app: App, project: string, command: readonly string[]): Promise<string[]> {
  const here = await app.files.real(app.cwd);
  if (here === project) return [...command];
  const moved = command.map(async (element) => {
    const path = resolve(here, element);
    const isFile = !isAbsolute(element) && element.includes('/') && (await app.files.exists(path));
    return isFile ? join('.', relative(project, path)) : element;
  });
  return Promise.all(moved);
}

function tell(app: App, name: string, pinned: PinnedTool, file: string): void {
  const style = styleFor(app.terminal.colour.out);
  const count = plural(Object.keys(pinned.calls).length, 'call');
  app.terminal.out(
    `${style.good(MARKS.done)} ${name}: ${count}, written to ${safeText(file)} and pinned in tools.lock.json`,
  );
  app.terminal.out(callLines(pinned.calls).join('\n'));
  const once = Object.entries(pinned.calls).filter(([, { effect }]) => effect === 'once');
  if (once.length > 0) app.terminal.note(onceAdvice(name, once, file));
  app.terminal.note('Next: write a plan that calls it, then expctl check PLAN');
}

function onceAdvice(name: string, once: readonly [string, PinnedTool['calls'][string]][], file: string): string {
  const keyed = once.flatMap(([call, { input }]) => {
    const argument = keyArgument(input);
    return argument === undefined ? [] : [`  ${call}: { effect: by_key, key: { argument: ${argument} } }`];
  });
  return [
    `${plural(once.length, 'call')} declared \`once\`: after a crash in the middle of one, a person must say what happened.`,
    `Declare a call \`pure\` if it changes nothing outside, \`by_key\` if the same key never acts twice: in ${safeText(file)}, then run expctl tools pin ${name}.`,
    ...(keyed.length === 0 ? [] : ['These take what looks like such a key:', ...keyed.map(safeText)]),
  ].join('\n');
}

function keyArgument(input: Readonly<Record<string, unknown>>): string | undefined {
  const names = Object.keys(Object(input['properties'] ?? {}));
  return names.find((argument) => /idempoten|request_?id|client_?token/i.test(argument));
}
