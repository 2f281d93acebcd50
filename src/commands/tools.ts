import type { Command } from 'commander';
import { isAsPinned } from '../plan/tools-files.ts';
import { callLines, toolLine } from '../ui/tools.ts';
import type { App } from './app.ts';
import { collect, command, integerAtLeast, type JsonOption, withExamples, withJson } from './options.ts';
import { type AddOptions, addTool } from './tools-add.ts';
import { type PinOptions, pinTools } from './tools-pin.ts';
import { readTools, type ToolsProject } from './tools-project.ts';
import type { TestOptions } from './tools-test.ts';

export function toolsCommand(app: App): Command {
  const tools = command('tools', 'add, list, pin and test the tools of a project')
    .addCommand(addCommand(app))
    .addCommand(listCommand(app))
    .addCommand(pinCommand(app))
    .addCommand(testCommand(app));
  return withExamples(tools, 'expctl tools add beam -- node examples/beam/server.js', 'expctl tools pin --check');
}

function addCommand(app: App): Command {
  const add = command('add', 'start an MCP server once, and write its calls into tools.yaml and tools.lock.json')
    .argument('<name>', 'name by which plans call it')
    .argument('<command...>', 'command that starts it, after `--`; relative paths count from the project folder')
    .option(
      '--call <name=effect>',
      'what a call does outside: pure, once, by_key:ARGUMENT; may be given several times',
      collect,
    )
    .option('--probe <call>', 'call that tells version, solver and host; its answer is part of the pin')
    .option('--replace', 'put it in the place of the tool of this name')
    .action((name: string, words: readonly string[], options: AddOptions) => addTool(app, name, words, options));
  return withExamples(
    withJson(add),
    'expctl tools add beam -- node examples/beam/server.js',
    'expctl tools add beam --probe version --call solve.wait=pure \\\n      --call solve.submit=by_key:idempotency_key -- node examples/beam/server.js',
  );
}

function listCommand(app: App): Command {
  const list = command('list', 'show the declared tools and their pins; starts nothing').action((options: JsonOption) =>
    listTools(app, options),
  );
  return withExamples(withJson(list), 'expctl tools list', 'expctl tools list --json');
}

async function listTools(app: App, { json }: JsonOption): Promise<void> {
  const found = await readTools(app);
  const names = [...new Set([...Object.keys(found.declared), ...Object.keys(found.pinned)])];
  if (json === true) return app.terminal.out(listDocument(found, names));
  if (names.length === 0)
    return app.terminal.note('No tool is declared yet. Next: expctl tools add NAME -- COMMAND ARG...');
  for (const name of names) for (const line of toolLines(found, name)) app.terminal.out(line);
}

function toolLines({ declared, pinned }: ToolsProject, name: string): string[] {
  const pin = pinned[name];
  if (pin === undefined) return [`${name}: declared, not pinned. Run expctl tools pin ${name}`];
  const tool = declared[name];
  const stale =
    tool === undefined
      ? ['  no longer declared in tools.yaml; expctl tools pin removes it']
      : isAsPinned(tool, pin)
        ? []
        : [`  tools.yaml says something else than what is pinned; run expctl tools pin ${name}`];
  return [toolLine(name, pin), ...stale, ...callLines(pin.calls)];
}

function listDocument({ declared, pinned }: ToolsProject, names: readonly string[]): string {
  const tools = names.map((name) => ({ name, declared: declared[name] ?? null, pinned: pinned[name] ?? null }));
  return JSON.stringify({ tools }, null, 2);
}

function pinCommand(app: App): Command {
  const pin = command('pin', 'start the tools, show what differs from their pins, and write tools.lock.json')
    .argument('[name...]', 'only these tools')
    .option('--check', 'write nothing; exit 7 if a tool is not the one that was pinned')
    .action((names: readonly string[], options: PinOptions) => pinTools(app, names, options));
  return withExamples(withJson(pin), 'expctl tools pin', 'expctl tools pin beam --check   # in CI');
}

function testCommand(app: App): Command {
  const test = command('test', 'call a tool for real, with faults, and show whether it is what tools.yaml declares')
    .argument('<tool>', 'name of a pinned tool')
    .option('--call <name>', 'only this call; may be given several times', collect)
    .option('--with <file>', 'what to send (default: tools.test.yaml beside tools.yaml)')
    .option(
      '--count <call>',
      'pure call that tells how many effects there are, for calls whose `count` is not in the file',
    )
    .option('--times <n>', 'run each case that has a fault n times (default: 1)', integerAtLeast(1))
    .option('--init', 'write the file of --with, to be filled in; call nothing')
    .option('--yes', 'effects may happen: do not ask')
    .action(async (name: string, options: TestOptions) => {
      const { testTools } = await import('./tools-test.ts');
      return testTools(app, name, options);
    });
  return withExamples(withJson(test), 'expctl tools test beam --init', 'expctl tools test beam --yes --call solve');
}
