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
import { type CommandEnded, prepareFolder, type ProfileName, storyApp } from './story.ts';

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

/** Lets a process of its own tell the story under a profile, and takes down every change that it makes to the disk. */
export async function record(profile: ProfileName): Promise<Recording> {
  const around = scratchFolder();
  try {
    const root = join(around, 'root');
    const log = join(around, 'log');
    for (const folder of [root, join(around, 'tmp')]) mkdirSync(folder);
    prepareFolder(root);
    const disk = new Disk(root);
    const argv = [process.execPath, '--import', import.meta.resolve('tsx'), CHILD, root, profile];
    const env = { PATH: process.env['PATH'], TZ: 'UTC', TMPDIR: join(around, 'tmp'), UV_USE_IO_URING: '0' };
    const child = spawn('strace', straceArgv(log, argv), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    await ended(child, profile);
    const { told, lines } = await follow(log, disk);
    const differences = differencesOf(disk.last(), readImage(root)).filter((path) => !path.endsWith('-shm'));
    if (disk.unexplained.length > 0)
      throw new Error('the log names files of which it does not tell how they came to be');
    if (differences.length > 0) throw new Error(`the log does not explain ${differences.join(', ')}`);
    const app = storyApp(root, profile, () => undefined);
    const { lock, lock_sha256, tables } = await readLock(app, 'square.lock.json');
    const program = unwrap(compileProgram(lock, tables));
    return { profile, disk, told, lines, lock_sha256, program, versions: versionsOf(told) };
  } finally {
    rmSync(around, { recursive: true, force: true });
  }
}

async function follow(log: string, disk: Disk): Promise<{ told: Told[]; lines: number }> {
  const reader = new CallReader();
  const listener = new Listener();
  let lines = 0;
  for await (const text of createInterface({
    input: createReadStream(log, 'latin1'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    lines += 1;
    const call = reader.take(text);
    if (call === null) continue;
    disk.take(call);
    listener.take(call);
  }
  return { told: listener.told, lines };
}

/** Hears what the recorded process says on standard output, and which tools it starts. */
class Listener {
  readonly told: Told[] = [];
  #process: number | null = null;
  #rest = '';

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
      if ('ended' in value) this.told.push({ kind: 'ended', command: value.ended, files: value.files, line });
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

function ended(child: ChildProcess, profile: string): Promise<void> {
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`the recording of ${profile} ended with ${status}:\n${output}`));
    });
  });
}
