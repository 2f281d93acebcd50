import { Buffer } from 'node:buffer';

/** A system call that changed, or synced, something; or one by which a process told the world something. */
export interface Call {
  readonly name: string;
  readonly process: number;
  /** Its arguments as strace wrote them, strings decoded. */
  readonly args: readonly Argument[];
  /** Negative for a sync that failed. */
  readonly result: number;
  /** Lines of the log at which it began and ended: it may have happened at any moment between. */
  readonly begin: number;
  readonly end: number;
}

/** An argument: a descriptor with the path behind it, bytes, a number, or a word such as `O_RDWR|O_CREAT`. */
export type Argument =
  | { readonly kind: 'descriptor'; readonly number: number; readonly path: string; readonly deleted: boolean }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'list'; readonly items: readonly Buffer[] }
  | { readonly kind: 'word'; readonly text: string };

/** What the harness follows; all else changes no file. */
export const TRACED = [
  ...['open', 'openat', 'creat', 'write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'truncate', 'ftruncate'],
  ...['fallocate', 'copy_file_range', 'sendfile', 'fsync', 'fdatasync', 'sync_file_range', 'sync', 'syncfs'],
  ...['rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat', 'unlink', 'unlinkat'],
  ...['mkdir', 'mkdirat', 'rmdir', 'execve'],
];

/** Arguments for strace: every string whole, as hexadecimal digits, and the path behind every descriptor. */
export function straceArgv(log: string, argv: readonly string[], extra: readonly string[] = []): string[] {
  const trace = `trace=${TRACED.join(',')}`;
  return ['-f', '-qq', '-xx', '-y', '-s', '100000000', '--seccomp-bpf', '-e', trace, ...extra, '-o', log, ...argv];
}

const LINE = /^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$/s;
const RESULT = /^(.*)\)\s+= (-?\d+|\?)(?:<[^>]*>)?(?:\(deleted\))?(?: .*)?$/s;
const SYNCS: ReadonlySet<string> = new Set(['fsync', 'fdatasync']);
const UNFINISHED = ' <unfinished ...>';

/** Reads a log line by line; hands on each call that succeeded, and each sync, in the order in which they ended. */
export class CallReader {
  readonly #open = new Map<string, { text: string; begin: number }>();
  #line = 0;

  take(text: string): Call | null {
    this.#line += 1;
    const match = LINE.exec(text);
    if (match === null) return null;
    const [, process, resumed, started, rest] = match as unknown as [string, string, string?, string?, string?];
    if (started !== undefined && rest!.endsWith(UNFINISHED)) {
      this.#open.set(process, { text: rest!.slice(0, -UNFINISHED.length), begin: this.#line });
      return null;
    }
    const before = resumed === undefined ? { text: '', begin: this.#line } : this.#open.get(process);
    this.#open.delete(process);
    if (before === undefined) return null;
    const whole = RESULT.exec(before.text + rest!);
    if (whole === null) return null;
    const result = Number(whole[2]);
    const name = (resumed ?? started)!;
    if (!(result >= 0) && !SYNCS.has(name)) return null;
    return {
      name,
      process: Number(process),
      args: parseArguments(whole[1]!),
      result,
      begin: before.begin,
      end: this.#line,
    };
  }
}

const TOKEN =
  /(AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?|"((?:\\x[0-9a-f]{2})*)"|\[([^\]]*)\]|([^,\s"<[][^,"<[]*)/g;

function parseArguments(text: string): Argument[] {
  const found: Argument[] = [];
  for (const [, number, path, deleted, bytes, list, word] of text.matchAll(TOKEN)) {
    if (number !== undefined) {
      const descriptor = { kind: 'descriptor', path: hex(path!).toString(), deleted: deleted !== undefined } as const;
      found.push({ ...descriptor, number: number === 'AT_FDCWD' ? -100 : Number(number) });
    } else if (bytes !== undefined) found.push({ kind: 'bytes', bytes: hex(bytes) });
    else if (list !== undefined) {
      found.push({ kind: 'list', items: [...list.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map((item) => hex(item[1]!)) });
    } else if (word !== undefined) found.push({ kind: 'word', text: word.trim() });
  }
  return found;
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex');
}
