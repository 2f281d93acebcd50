import { Command, CommanderError } from 'commander';
import { ERROR_CODES, ExpctlError } from '../base/error.ts';
import { safeLines } from '../ui/safe-text.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { COMMANDS, type CommandEntry } from './table.ts';

/**
 * Runs one command line.
 *
 * @returns the exit status of a failure, which has been reported; null where the command did what it was asked
 */
export async function runProgram(args: readonly string[], app: App): Promise<number | null> {
  try {
    await (await programFor(args, app)).parseAsync([...args], { from: 'user' });
    return null;
  } catch (error) {
    return report(error, args, app);
  }
}

/** The program with the one command that is called; every other one is there as a line of help. */
async function programFor(args: readonly string[], app: App): Promise<Command> {
  const program = new Command('expctl')
    .description('Plan, approve and execute engineering experiments.')
    .version(app.version, '-V, --version', 'print the version')
    .option('--debug', 'show stack traces of failures')
    .option('--color <when>', 'always, never or auto')
    .helpCommand('help [command]', 'explain a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => app.terminal.out(text),
      writeErr: (text) => app.terminal.note(text),
      outputError: () => undefined, // reported once, by `report`
    })
    .addHelpText('after', () => EXIT_CODES_HELP);
  const called = args.filter((arg) => !arg.startsWith('-'));
  const wanted = called[0] === 'help' ? called[1] : called[0];
  for (const entry of COMMANDS) {
    const command = entry.name === wanted ? (await entry.load())(app) : stub(entry);
    program.addCommand(inherit(command.helpGroup(`${entry.group}:`), program));
  }
  return program;
}

function stub(entry: CommandEntry): Command {
  return new Command(entry.name).summary(entry.summary).description(entry.summary);
}

/** Commands are made apart from the program: they take over how it prints and fails. */
function inherit(command: Command, program: Command): Command {
  command.copyInheritedSettings(program);
  for (const inner of command.commands) inherit(inner, command);
  return command;
}

const EXIT_MEANINGS: Readonly<Record<string, string>> = {
  0: 'done',
  1: 'internal failure',
  2: 'usage, or an invalid plan',
  3: 'not approved',
  4: 'the run failed, or a budget was hit',
  5: 'waits for a person',
  6: 'evidence does not hold',
  7: 'environment: a tool, the store, a model',
  130: 'interrupted (143: terminated); `expctl resume` goes on',
};

/** The one table of exit statuses, for help and docs. */
export const EXIT_CODES: readonly { readonly status: number; readonly means: string; readonly codes: string[] }[] =
  Object.entries(EXIT_MEANINGS).map(([status, means]) => ({
    status: Number(status),
    means,
    codes: Object.entries(ERROR_CODES)
      .filter(([, { exit }]) => exit === Number(status))
      .map(([code]) => code),
  }));

const EXIT_CODES_HELP = `\nExit status:\n${EXIT_CODES.map(({ status, means }) => `  ${String(status).padEnd(4)} ${means}`).join('\n')}\n`;

function report(error: unknown, args: readonly string[], app: App): number | null {
  if (error instanceof CommanderError && error.exitCode === 0) return null;
  const failure = asFailure(error);
  const { code, message, hint, details } = failure;
  if (args.includes('--json')) {
    app.terminal.out(JSON.stringify({ error: { code, message, hint, details } }, null, 2));
  } else if (args.includes('--jsonl')) {
    app.terminal.out(JSON.stringify({ type: 'error', code, message, hint, details }));
  }
  const style = styleFor(app.terminal.colour.err);
  const [first = '', ...rest] = safeLines(message);
  app.terminal.note([`${style.bad(MARKS.failed)} ${first}`, ...rest.map((line) => `  ${line}`)].join('\n'));
  for (const line of safeLines(hint)) app.terminal.note(`  ${line}`);
  if (args.includes('--debug')) app.terminal.note(stackOf(error));
  return failure.exit;
}

function asFailure(error: unknown): ExpctlError {
  if (error instanceof ExpctlError) return error;
  if (error instanceof CommanderError) {
    const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
    const hint = more.join(' ').trim() || 'Add --help to see what the command takes.';
    return new ExpctlError('USAGE', sentence(message), { hint });
  }
  const message = error instanceof Error ? error.message : String(error);
  const hint = 'This is a defect in expctl. Run the command again with --debug, and report what it prints.';
  return new ExpctlError('INTERNAL', `Something failed inside: ${message}`, { hint, cause: error });
}

function sentence(text: string): string {
  const whole = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

function stackOf(error: unknown): string {
  const causes: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) causes.push(at.stack ?? at.message);
  return causes.join('\ncaused by: ');
}
