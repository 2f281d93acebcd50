import { ExpctlError } from '../base/error.ts';
import { unwrap } from '../base/result.ts';
import type { PinnedTool } from '../ir/tools.ts';
import type { LockChange } from '../plan/diff.ts';
import { toolChanges } from '../plan/diff/tools.ts';
import { changeLines } from '../ui/diff/text.ts';
import { plural } from '../ui/format.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { type JsonOption, usage } from './options.ts';
import { shownPath, toolsLockPath } from './project.ts';
import { discovery, readTools, type ToolsProject, writePins } from './tools-project.ts';

export interface PinOptions extends JsonOption {
  readonly check?: boolean;
}

/** Starts the tools, and writes down what they are now; or, with --check, says whether they are still what was pinned. */
export async function pinTools(app: App, names: readonly string[], options: PinOptions): Promise<void> {
  const found = await readTools(app);
  const wanted = wantedTools(found, names);
  const tools = await discovery(app, found.project);
  const fresh: Record<string, PinnedTool> = {};
  for (const name of wanted) fresh[name] = unwrap(await tools.discover(name, found.declared[name]!));
  // Without names, pins of tools that are no longer declared go.
  const next = names.length === 0 ? fresh : { ...found.pinned, ...fresh };
  const changes = toolChanges(found.pinned, next);
  if (options.check !== true) await writePins(app, found.project, next);
  if (options.json === true && !(options.check === true && changes.length > 0)) {
    app.terminal.out(JSON.stringify({ tools: Object.keys(next), changes, written: options.check !== true }, null, 2));
  } else if (options.json !== true) tell(app, wanted, changes);
  if (options.check === true && changes.length > 0) throw drift(changes);
  if (options.check !== true) app.terminal.note(nextStep(app, found, changes));
}

function wantedTools({ declared }: ToolsProject, names: readonly string[]): readonly string[] {
  const known = Object.keys(declared);
  if (known.length === 0)
    throw usage('The project has no tools yet.', 'Add one: expctl tools add NAME -- COMMAND ARG...');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw usage(`There is no tool ${unknown}.`, `Known: ${known.join(', ')}.`);
  return names.length === 0 ? known : names;
}

function tell(app: App, wanted: readonly string[], changes: readonly LockChange[]): void {
  const style = styleFor(app.terminal.colour.out);
  const moved = changes.length === 0 ? 'nothing differs from the pins' : plural(changes.length, 'change');
  app.terminal.out(`${style.good(MARKS.done)} ${wanted.join(', ')}: ${moved}`);
  for (const change of changes) app.terminal.out(changeLines(change, style).join('\n'));
}

function drift(changes: readonly LockChange[]): ExpctlError {
  const tools = [...new Set(changes.map(({ name }) => /^[^./ ]+/.exec(name)![0]))];
  const message = `${tools.join(', ')}: ${plural(changes.length, 'difference')} from the pins.`;
  const hint = 'If the change is wanted, run `expctl tools pin`, then lock, review and approve again.';
  return new ExpctlError('TOOL_DRIFT', message, { hint, details: { changes } });
}

function nextStep(app: App, { project }: ToolsProject, changes: readonly LockChange[]): string {
  const file = shownPath(app, toolsLockPath(project));
  if (changes.length === 0) return `${file} is up to date.`;
  return `Wrote ${file}. Next: expctl lock PLAN, for a lock names the pins`;
}
