import { Command, CommanderError } from 'commander';
import { ERROR_CODES, ExpctlError, machineFault, messageOf } from '../base/error.ts';
import { fencedText, safeLines } from '../ui/safe-text.ts';
import { MARKS, styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { exitCodesPage, exitCodesSummary } from './exit-codes.ts';
import { COMMANDS, type CommandEntry } from './table.ts';

/**
 * Runs one command line.
 *
 * @returns the exit status of a failure, which has been reported; null where the command did what it was asked
 */
export async function runProgram(args: readonly string[], outer: App): Promise<number | null> {
  const app: App = { ...outer, terminal: fenced(outer.terminal) };
  try {
    if (isHelpOn(args, 'exit-codes')) {
      app.terminal.out(exitCodesPage());
      return null;
    }
    const program = await programFor(args, app);
    await program.parseAsync(explained(args, program), { from: 'user' });
    return null;
  } catch (error) {
    return report(error, args, app);
  }
}

/** Notes are for people; standard output is as well where it is a terminal, and is data elsewhere. */
function fenced(terminal: App['terminal']): App['terminal'] {
  return {
    ...terminal,
    note: (text) => terminal.note(fencedText(text)),
    out: (text) => terminal.out(terminal.stdout.isTTY === true ? fencedText(text) : text),
  };
}

function isHelpOn(args: readonly string[], topic: string): boolean {
  return args.length === 2 && args[0] === 'help' && args[1] === topic;
}

/** `help tools add` as `tools add --help`: the command's own help, however deep it is. A name that is none is complained of. */
function explained(args: readonly string[], program: Command): readonly string[] {
  const [first, ...names] = args;
  if (first !== 'help' || names.length === 0 || names.some((name) => name.startsWith('-'))) return args;
  let found: Command | undefined = program;
  for (const name of names) found = found?.commands.find((command) => command.name() === name);
  return found === undefined ? names : [...names, '--help'];
}

const DESCRIPTION = `Plan, approve and execute engineering experiments.

A first experiment:
  $ expctl tools add beam -- node server.js   what the plan may call, pinned
  $ expctl init                               a plan, by answering questions
  $ expctl lock beam.plan.yaml                the exact bytes that will run
  $ expctl review beam.lock.json              read what they do, and sign
  $ expctl run beam.lock.json                 nothing but what was signed
  $ expctl report                             the results, and what they rest on

Each is explained by \`expctl help COMMAND\`. Before the first signature:
\`expctl keys new\` (or your SSH key), and \`expctl trust init\`.`;

/** The program with the one command that is called; every other one is there as a line of help. */
export async function programFor(args: readonly string[], app: App): Promise<Command> {
  const program = new Command('expctl')
    .description(DESCRIPTION)
    .version(app.version, '-V, --version', 'print the version')
    .option('--debug', 'show stack traces of failures')
    .option('--color <when>', 'always, never or auto')
    .commandsGroup('Help:')
    .helpCommand('help [command...]', 'explain a command, or exit-codes')
    .helpOption('-h, --help', 'explain the command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => app.terminal.out(text),
      writeErr: (text) => app.terminal.note(text),
      getOutHelpWidth: () => app.terminal.columns,
      getErrHelpWidth: () => app.terminal.columns,
      outputError: () => undefined, // reported once, by `report`
    })
    .addHelpText('after', () => `\n${exitCodesSummary()}`);
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
  command.copyInheritedSettings(program).helpCommand(false); // `help` of the program goes as deep as one wants
  for (const inner of command.commands) inherit(inner, command);
  return command;
}

function report(error: unknown, args: readonly string[], app: App): number | null {
  if (error instanceof CommanderError && error.exitCode === 0) return null;
  if (error instanceof CommanderError && error.code === 'commander.help') return ERROR_CODES.USAGE.exit; // it was shown, on standard error
  const failure = asFailure(error);
  const { code, message, hint, details } = failure;
  app.exit(failure.exit);
  const own = args.slice(0, args.indexOf('--') === -1 ? args.length : args.indexOf('--')); // behind it: another program's
  if (own.includes('--json')) {
    app.terminal.out(JSON.stringify({ error: { code, message, hint, details } }, null, 2));
  } else if (own.includes('--jsonl')) {
    app.terminal.out(JSON.stringify({ type: 'error', code, message, hint, details }));
  }
  const style = styleFor(app.terminal.colour.err);
  const [first = '', ...rest] = safeLines(message);
  app.terminal.note([`${style.bad(MARKS.failed)} ${first}`, ...rest.map((line) => `  ${line}`)].join('\n'));
  for (const line of safeLines(hint)) app.terminal.note(`  ${line}`);
  if (own.includes('--debug')) app.terminal.note(stackOf(error));
  return failure.exit;
}

function asFailure(error: unknown): ExpctlError {
  if (error instanceof ExpctlError) return (error.code === 'INTERNAL' ? machineFault(error.cause) : null) ?? error;
  if (error instanceof CommanderError) {
    const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
    const hint =
      more
        .join(' ')
        .trim()
        .replace(/^\((.*)\)$/, '$1') || 'Add --help to see what the command takes.';
    return new ExpctlError('USAGE', sentence(message), { hint });
  }
  const limit = machineFault(error);
  if (limit !== null) return limit;
  const hint = 'This is a defect in expctl. Run the command again with --debug, and report what it prints.';
  return new ExpctlError('INTERNAL', `Something failed inside: ${messageOf(error)}`, { hint, cause: error });
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
