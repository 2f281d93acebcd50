/*
 * docs/cli.md as it should be: every command with its usage, options and examples, and the tables of exit statuses and error codes.
 * The text is what `--help` prints, at a fixed width; a test compares it with the file (`UPDATE_GOLDEN=1` writes it).
 */
import type { Command } from 'commander';
import type { App } from '../src/commands/app.ts';
import { EXIT_CODES } from '../src/commands/exit-codes.ts';
import { programFor } from '../src/commands/program.ts';
import { COMMANDS } from '../src/commands/table.ts';

export const HELP_COLUMNS = 100;

/** @param app used only to make the commands: none is performed */
export async function cliDocument(app: App): Promise<string> {
  const sections: string[] = [];
  for (const group of new Set(COMMANDS.map((entry) => entry.group))) {
    sections.push(`## ${group}`);
    for (const { name } of COMMANDS.filter((entry) => entry.group === group)) {
      const program = await programFor([name], app);
      for (const command of withInner(commandIn(program, name))) sections.push(commandSection(command));
    }
  }
  const program = await programFor([], app);
  return [HEAD, fenced(helpOf(program)), ...sections, exitCodes(), ''].join('\n\n').replace(/\n+$/, '\n');
}

const HEAD = `# The command line

Generated from the commands themselves: \`UPDATE_GOLDEN=1 npx vitest run test/ux/docs.test.ts\` writes it anew.

- Data goes to standard output, everything else to standard error. Under \`--json\` standard output holds exactly one JSON document,
  on failure \`{"error": {"code", "message", "hint", "details"}}\`; under \`--jsonl\` every line is one.
- Nothing waits for an answer where there is no terminal: the error names the option that gives it.
- Colours are for terminals: \`--color always|never\`, then \`NO_COLOR\`, then \`FORCE_COLOR\` decide before that. A variable that is
  empty says nothing.
- A run may be named by the beginning of its id wherever that is unique; without a name, the latest is meant.
- \`EXPCTL_KEY\` and \`EXPCTL_TRUST\` stand for \`--key\` and \`--trust\`.`;

function commandIn(program: Command, name: string): Command {
  const command = program.commands.find((each) => each.name() === name);
  if (command === undefined) throw new Error(`no command ${name}`);
  return command;
}

function withInner(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withInner)];
}

function commandSection(command: Command): string {
  return `### expctl ${path(command)}\n\n${fenced(helpOf(command))}`;
}

function path(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${path(parent)} ${command.name()}`;
}

/** What `--help` prints, with what was added behind it. */
function helpOf(command: Command): string {
  let text = '';
  const writeOut = (part: string): void => {
    text += part;
  };
  const output = { writeOut, getOutHelpWidth: () => HELP_COLUMNS };
  for (let each: Command | null = command; each !== null; each = each.parent) each.configureOutput(output);
  command.outputHelp();
  return text.trim();
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}

function exitCodes(): string {
  const rows = EXIT_CODES.flatMap(({ status, means, codes }) => [
    `| ${status} | | ${means} |`,
    ...codes.map(({ code, means: meaning }) => `| | \`${code}\` | ${meaning} |`),
  ]);
  return ['## Exit status', '', '| status | error code | means |', '|---|---|---|', ...rows].join('\n');
}
