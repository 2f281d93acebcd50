import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../src/base/result.ts';
import { readLock } from '../../src/commands/locks.ts';
import { compileProgram, type Program } from '../../src/kernel/program.ts';
import { type Call, CallReader, straceArgv } from './calls.ts';
import { Disk } from './disk.ts';
import { differencesOf, readImage } from './image.ts';
import { type CommandEnded, FIRST_RUN, prepareFolder, type ProfileName, storyApp } from './story.ts';

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));

/** Something that a person or a tool was told, and that no power cut may undo from then on. */
export type Told = { readonly line: number } & (
  | { readonly kind: 'row'; readonly run: string; readonly stream: string; readonly seq: number; readonly hash: string }
  /** A tool was started with an effect's key: the intent is in the journal. */
  | { readonly kind: 'sent'; readonly key: string }
  | { readonly kind: 'ended'; readonly command: string; readonly files: CommandEnded['files'] }
);

/** A story as the disk lived through it. */
export interface Recording {
  readonly profile: ProfileName;
  readonly disk: Disk;
  readonly told: readonly Told[];
  /** Lines of the log. */
  readonly lines: number;
  /** The first line at which it is worth to cut. */
  readonly since: number;
  readonly lock_sha256: string;
  readonly program: Program;
  /** SHA-256 of whatever a file outside of the store has ever held as a whole, by its path. */
  readonly versions: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A folder for images that no power cut has to survive: in memory where there is such a file system. */
export function scratchFolder(): string {
  const memory = statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() === true;
  return realpathSync(mkdtempSync(join(memory ? '/dev/shm' : tmpdir(), 'expctl-power-')));
}

/**
 * Lets processes of their own tell the story under a profile, and takes down every change that they make to the disk.
 *
 * @param faults what fails in the process that performs the runs, as strace says it (`CALLS:error=CODE:when=N`); where the process ends
 *   for that, another one goes on, in which nothing fails
 */
export async function record(profile: ProfileName, faults: string | null = null): Promise<Recording> {
  const around = scratchFolder();
  try {
    const root = join(around, 'root');
    for (const folder of [root, join(around, 'tmp')]) mkdirSync(folder);
    prepareFolder(root);
    const take = new Take(around, root, profile);
    await take.tell(0, FIRST_RUN);
    const since = take.lines;
    await take.tell(FIRST_RUN, LAST, faults);
    if (take.stopped_at !== null) await take.tell(take.stopped_at, LAST);
    const { disk, told, lines } = take;
    const differences = differencesOf(disk.last(), readImage(root)).filter((path) => !path.endsWith('-shm'));
    if (disk.unexplained.length > 0)
      throw new Error('the log names files of which it does not tell how they came to be');
    if (differences.length > 0) throw new Error(`the log does not explain ${differences.join(', ')}`);
    const app = storyApp(root, profile, () => undefined);
    const { lock, lock_sha256, tables } = await readLock(app, 'square.lock.json');
    const program = unwrap(compileProgram(lock, tables));
    const versions = versionsOf(told);
    return { profile, disk, told, lines, since: faults === null ? 0 : since, lock_sha256, program, versions };
  } finally {
    rmSync(around, { recursive: true, force: true });
  }
}

/** The n-th sync of a thread, in the process that performs the runs, fails once. */
export function failedSync(n: number): string {
  return `fsync,fdatasync:error=EIO:when=${n}`;
}

/** Whether a sync of the write-ahead log failed when somebody had been told of events. */
export function failedInLog({ disk, told }: Recording): boolean {
  const first = told.find(({ kind }) => kind === 'row')?.line ?? Number.POSITIVE_INFINITY;
  return disk.syncs.some(({ path, failed, end }) => failed && path.endsWith('-wal') && end > first);
}

const LAST = 1_000;

/** A recording that grows, process by process. */
class Take {
  readonly disk: Disk;
  lines = 0;
  /** The chapter at which the last process gave up; null where it told all of its own. */
  stopped_at: number | null = null;
  readonly #around: string;
  readonly #root: string;
  readonly #profile: ProfileName;
  readonly #reader = new CallReader();
  readonly #listener = new Listener();

  constructor(around: string, root: string, profile: ProfileName) {
    this.#around = around;
    this.#root = root;
    this.#profile = profile;
    this.disk = new Disk(root);
  }

  get told(): readonly Told[] {
    return this.#listener.told;
  }

  async tell(from: number, to: number, faults: string | null = null): Promise<void> {
    const log = join(this.#around, 'log');
    const child = [CHILD, this.#root, this.#profile, String(from), String(to)];
    const argv = [process.execPath, '--import', import.meta.resolve('tsx'), ...child];
    const env = { PATH: process.env['PATH'], TZ: 'UTC', TMPDIR: join(this.#around, 'tmp'), UV_USE_IO_URING: '0' };
    const inject = faults === null ? [] : ['-e', `inject=${faults}`];
    const strace = spawn('strace', straceArgv(log, argv, inject), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const { status, output } = await ended(strace);
    await this.#read(log);
    this.stopped_at = this.#listener.gave_up_at;
    if (status === 0 || (faults !== null && this.stopped_at !== null)) return;
    throw new Error(`the recording of ${this.#profile} ended with ${status}:\n${output}`);
  }

  async #read(log: string): Promise<void> {
    this.#listener.nextProcess();
    const input = createReadStream(log, 'latin1');
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      this.lines += 1;
      const call = this.#reader.take(text);
      if (call === null) continue;
      this.disk.take(call);
      this.#listener.take(call);
    }
  }
}

/** Hears what the recorded process says on standard output, and which tools it starts. */
class Listener {
  readonly told: Told[] = [];
  gave_up_at: number | null = null;
  #process: number | null = null;
  #rest = '';

  nextProcess(): void {
    this.#process = null;
    this.#rest = '';
    this.gave_up_at = null;
  }

  take({ name, process, args, begin }: Call): void {
    this.#process ??= process;
    const [first, second] = args;
    if (name === 'execve' && second?.kind === 'list') {
      const key = second.items.map(String).find((item) => /^[0-9a-f]{64}$/.test(item));
      if (key !== undefined) this.told.push({ kind: 'sent', key, line: begin });
    }
    const speaks = name === 'write' && process === this.#process && first?.kind === 'descriptor' && first.number === 1;
    if (speaks && second?.kind === 'bytes') this.#hear(second.bytes.toString(), begin);
  }

  #hear(text: string, line: number): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const said of lines.filter((each) => each.startsWith('{'))) {
      const value = JSON.parse(said) as CommandEnded | { run?: string; stream: string; seq: number; hash: string };
      if ('ended' in value && !value.good) this.gave_up_at = value.chapter;
      else if ('ended' in value) this.told.push({ kind: 'ended', command: value.ended, files: value.files, line });
      else if (value.run !== undefined) {
        const { run, stream, seq, hash } = value;
        this.told.push({ kind: 'row', run, stream, seq, hash, line });
      }
    }
  }
}

function versionsOf(told: readonly Told[]): Map<string, Set<string>> {
  const versions = new Map<string, Set<string>>();
  for (const each of told) {
    if (each.kind !== 'ended') continue;
    for (const [path, sha256] of Object.entries(each.files)) {
      versions.set(path, (versions.get(path) ?? new Set()).add(sha256));
    }
  }
  return versions;
}

function ended(child: ChildProcess): Promise<{ status: number | null; output: string }> {
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, output }));
  });
}
