import { isatty } from 'node:tty';

/** Standard streams of this process, as commands need them (the port `Terminal` of src/commands/app.ts). */
export function standardTerminal(args: readonly string[]) {
  const { stdin, stdout, stderr, env } = process;
  const terminals = [0, 1, 2].filter((file) => isatty(file));
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isUnread(error)) tellUnwritten(error);
    endEarly();
  });
  stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (isUnread(error)) endEarly(); // a log on a full disk ends no run: what counts is in the journal
  });
  const choice = colourChoice(args);
  const wanted = (stream: NodeJS.WriteStream) => wantsColour({ choice, env, is_terminal: stream.isTTY === true });
  return {
    out: (text: string) => void stdout.write(text.endsWith('\n') ? text : `${text}\n`),
    note: (text: string) => void stderr.write(text.endsWith('\n') ? text : `${text}\n`),
    flush: async () => {
      endByHangUp(terminals);
      for (const stream of [stdout, stderr]) await new Promise<void>((resolve) => stream.write('', () => resolve()));
    },
    stdin,
    stdout,
    stderr,
    interactive: stdin.isTTY === true && stdout.isTTY === true && env['TERM'] !== 'dumb' && !isSet(env['CI']),
    colour: { out: wanted(stdout), err: wanted(stderr) },
    columns: stdout.columns ?? stderr.columns ?? 80,
  };
}

/** The reader of a pipe is gone, or the terminal was closed. */
function isUnread({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'EIO';
}

let ends_early = false;

/**
 * Whoever reads our output may stop reading: that ends us, and is no failure of ours. A command that listens for interruptions is
 * told, as of a terminal that was closed, so that a run ends in good order.
 */
function endEarly(): void {
  if (ends_early) return;
  ends_early = true;
  if (process.listenerCount('SIGHUP') === 0) process.exit(process.exitCode ?? 0);
  process.emit('SIGHUP', 'SIGHUP');
}

/**
 * Node gives a terminal its old settings back when it ends, and up to 22.15 and 24.0 it aborts where the terminal is gone
 * (nodejs/node#58200). Then the hang-up itself ends the process, behind everything else that is to be done at the end.
 */
function endByHangUp(terminals: readonly number[]): void {
  process.once('exit', () => {
    if (terminals.every((file) => isatty(file))) return;
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  });
}

/** What was asked for could not be written, on a full disk for example: status 7, however the command goes on from here. */
function tellUnwritten({ message }: NodeJS.ErrnoException): void {
  if (ends_early) return;
  process.stderr.write(`✘ Standard output cannot be written: ${message}\n`);
  process.exitCode = UNWRITTEN;
  process.on('exit', () => {
    process.exitCode = UNWRITTEN;
  });
}

/** The status of everything that is no fault of the plan (src/base/error.ts). */
const UNWRITTEN = 7;

type ColourChoice = 'always' | 'never' | 'auto';

/** `--color=WHEN`, wherever it stands. */
function colourChoice(args: readonly string[]): ColourChoice {
  const at = args.findIndex((arg) => arg === '--color' || arg.startsWith('--color='));
  if (at === -1) return 'auto';
  const word = args[at]!.includes('=') ? args[at]!.slice('--color='.length) : args[at + 1];
  return word === 'always' || word === 'never' ? word : 'auto';
}

/**
 * Whether a stream gets colours: the flag, then NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then whether it is a terminal that
 * can show them. Variables that are empty say nothing.
 *
 * Source: no-color.org, force-color.org.
 */
export function wantsColour(facts: {
  readonly choice: ColourChoice;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly is_terminal: boolean;
}): boolean {
  const { choice, env, is_terminal } = facts;
  if (choice !== 'auto') return choice === 'always';
  if (isSet(env['NO_COLOR'])) return false;
  if (isSet(env['FORCE_COLOR']) || isSet(env['CLICOLOR_FORCE'])) return env['FORCE_COLOR'] !== '0';
  return is_terminal && env['TERM'] !== 'dumb';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
