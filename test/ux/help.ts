import type { Command } from 'commander';
import { programFor } from '../../src/commands/program.ts';
import { COMMANDS } from '../../src/commands/table.ts';
import { TestApp } from '../commands/support.ts';

/** A command as help names it, such as `tools add`, with its options and what `--help` prints. */
export interface Described {
  readonly path: string;
  readonly command: Command;
  readonly help: string;
  /** Commands below it are called; it is not. */
  readonly isGroup: boolean;
}

export function helpApp(): TestApp {
  return new TestApp({ cwd: '/' }, '/');
}

/** Every command, the inner ones too, as the program has them. */
export async function allCommands(): Promise<Described[]> {
  const found: Described[] = [];
  for (const { name } of COMMANDS) {
    const program = await programFor([name], helpApp().app);
    const command = program.commands.find((each) => each.name() === name);
    if (command === undefined) throw new Error(`no command ${name}`);
    for (const [path, each] of [[name, command] as const, ...inner(name, command)]) {
      const { stdout } = await helpApp().run([...path.split(' '), '--help']);
      found.push({ path, command: each, help: stdout, isGroup: each.commands.length > 0 });
    }
  }
  return found;
}

function inner(path: string, command: Command): (readonly [string, Command])[] {
  return command.commands.flatMap((each) => {
    const name = `${path} ${each.name()}`;
    return [[name, each] as const, ...inner(name, each)];
  });
}

/** The commands behind `Examples:`, as a shell would read them; lines that go on are joined. */
export function examplesIn(help: string): string[] {
  const text = help.split('\nExamples:\n')[1] ?? '';
  return text
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('$ '))
    .map((line) => line.slice(2));
}

/** The words of every call of expctl in an example: quotes, comments, `&&`, pipes and `$(...)` as examples use them. */
export function callsIn(example: string): string[][] {
  const plain = example.replace(/^eval "\$\((.*)\)"$/, '$1').replace(/\s+#.*$/, '');
  return plain
    .split(/\s+(?:&&|\||>)\s+/)
    .map((part) => [...part.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? ''))
    .filter(([program]) => program === 'expctl')
    .map(([, ...args]) => args);
}
