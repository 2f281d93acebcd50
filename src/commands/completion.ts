import { Argument, type Command } from 'commander';
import type { App } from './app.ts';
import { bashScript, type CompletionNode, type CompletionOption, fishScript, zshScript } from './completion-scripts.ts';
import { command, withExamples } from './options.ts';
import { COMMANDS } from './table.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
type Shell = keyof typeof SCRIPTS;

export function completionCommand(app: App): Command {
  const completion = command('completion', 'print a completion script for bash, zsh or fish')
    .addArgument(new Argument('<shell>', 'your shell').choices(Object.keys(SCRIPTS)))
    .action(async (shell: Shell) => app.terminal.out(SCRIPTS[shell](await programNode(app))));
  return withExamples(
    completion,
    'eval "$(expctl completion bash)"',
    'expctl completion zsh > ~/.zfunc/_expctl',
    'expctl completion fish > ~/.config/fish/completions/expctl.fish',
  );
}

/** Every command with its flags, read from the commands themselves. */
async function programNode(app: App): Promise<CompletionNode> {
  const commands = await Promise.all(COMMANDS.map(async ({ load }) => nodeOf((await load())(app))));
  return { name: 'expctl', summary: '', options: PROGRAM_OPTIONS, commands };
}

const HELP: CompletionOption = { long: '--help', summary: 'explain it', takes_value: false, choices: [] };

const PROGRAM_OPTIONS: readonly CompletionOption[] = [
  HELP,
  { long: '--version', summary: 'print the version', takes_value: false, choices: [] },
  { long: '--debug', summary: 'show stack traces of failures', takes_value: false, choices: [] },
  { long: '--color', summary: 'when to use colours', takes_value: true, choices: ['always', 'never', 'auto'] },
];

function nodeOf(command: Command): CompletionNode {
  const options = command.options.flatMap(({ long, description, required, optional, argChoices, hidden }) => {
    if (long === undefined || long === null || hidden) return [];
    return [{ long, summary: description, takes_value: required || optional, choices: argChoices ?? [] }];
  });
  const commands = command.commands.map(nodeOf);
  return { name: command.name(), summary: command.summary(), options: [...options, HELP], commands };
}
