/** Standard streams of this process, as commands need them (the port `Terminal` of src/commands/app.ts). */
export function standardTerminal(args: readonly string[]) {
  const { stdin, stdout, stderr, env } = process;
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      endUnread();
    });
  }
  const choice = colourChoice(args);
  const wanted = (stream: NodeJS.WriteStream) => wantsColour({ choice, env, is_terminal: stream.isTTY === true });
  return {
    out: (text: string) => void stdout.write(text.endsWith('\n') ? text : `${text}\n`),
    note: (text: string) => void stderr.write(text.endsWith('\n') ? text : `${text}\n`),
    flush: async () => {
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

let is_unread = false;

/**
 * Whoever reads our output may stop reading: that ends us, and is no failure of ours. A command that listens for interruptions is
 * asked once, as by SIGTERM, so that a run ends in good order.
 */
function endUnread(): void {
  if (is_unread) return;
  is_unread = true;
  if (process.listenerCount('SIGTERM') === 0) process.exit(process.exitCode ?? 0);
  process.emit('SIGTERM', 'SIGTERM');
}

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
