import { Command, InvalidArgumentError } from 'commander';
import { ExpctlError } from '../base/error.ts';
import { durationSeconds } from '../ir/duration.ts';

export interface StoreOption {
  readonly store?: string;
}
export interface JsonOption {
  readonly json?: boolean;
}
export interface TrustOption {
  readonly trust?: string;
}

/** A command with its options in the order in which help shows them. */
export function command(name: string, summary: string): Command {
  return new Command(name).summary(summary).description(capitalised(summary)).showHelpAfterError('(see --help)');
}

export function withStore(command: Command): Command {
  return command.option('--store <folder>', "where runs are kept (default: .expctl in the project's folder)");
}

export function withJson(command: Command): Command {
  return command.option('--json', 'one JSON document on standard output');
}

export function withTrust(command: Command): Command {
  return command.option('--trust <file>', 'trust policy (default: EXPCTL_TRUST, your config folder, /etc/expctl)');
}

export function withKey(command: Command): Command {
  return command.option(
    '--key <file>',
    'your key: built-in, SSH, or the .pub of one that your agent holds (default: EXPCTL_KEY)',
  );
}

/** For an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

export function integerAtLeast(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`It is a whole number from ${least}.`);
    return value;
  };
}

/** Seconds. */
export function duration(text: string): number {
  try {
    return durationSeconds(text);
  } catch {
    throw new InvalidArgumentError('It is a number with ms, s, m, min, h or d, such as 90s or 14d.');
  }
}

/** Examples below a command's help. */
export function withExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}\n`);
}

export function usage(message: string, hint: string): ExpctlError {
  return new ExpctlError('USAGE', message, { hint });
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Flags of this call that the next one needs too, as they are typed, with a space before each. */
export function sameFlags({ store, trust }: StoreOption & TrustOption): string {
  const given = Object.entries({ store, trust }).filter((flag): flag is [string, string] => flag[1] !== undefined);
  return given.map(([name, value]) => ` --${name} ${shellWord(value)}`).join('');
}

/** The same, for commands that take no policy. */
export function storeFlag({ store }: StoreOption): string {
  return store === undefined ? '' : sameFlags({ store });
}

function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@=+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
