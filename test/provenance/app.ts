import { exists, listFolder, makeFolder, readWhole, realPath, writeWhole } from '../../src/adapters/files/files.ts';
import { appendWhole } from '../../src/adapters/files/append.ts';
import { openArtifacts } from '../../src/adapters/artifacts.ts';
import { readTrustFile } from '../../src/adapters/files/trust-file.ts';
import { systemClock } from '../../src/adapters/host.ts';
import { thisProcess } from '../../src/adapters/sqlite/process-facts.ts';
import { openEvidence } from '../../src/adapters/sqlite/evidence.ts';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import type { App } from '../../src/commands/app.ts';
import { runProgram } from '../../src/commands/program.ts';

export interface Output {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface TestApp {
  readonly cwd: string;
  readonly now_ms?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Called at each wait of a command, so that a test can let something happen. */
  readonly onWait?: () => void;
}

/** Runs one command line on the real store of a folder. Tools, models and signing cannot be reached: asking for them fails. */
export async function expctl(args: readonly string[], options: TestApp): Promise<Output> {
  const output = { out: '', err: '' };
  let status = 0;
  const app = appOf(options, output, (code) => {
    status = code;
  });
  const failed = await runProgram(args, app);
  return { status: failed ?? status, ...output };
}

function appOf(options: TestApp, output: { out: string; err: string }, exit: (code: number) => void): App {
  const { cwd, env = {} } = options;
  const line = (text: string) => (text.endsWith('\n') ? text : `${text}\n`);
  const clock: App['clock'] =
    options.now_ms === undefined
      ? systemClock
      : {
          now_ms: () => options.now_ms!,
          monotonic_ms: () => options.now_ms!,
          after: (_seconds, fire) => {
            options.onWait?.();
            const timer = setImmediate(fire);
            return () => clearImmediate(timer);
          },
        };
  return {
    version: '0.1.0',
    cwd,
    home: cwd,
    env,
    terminal: {
      out: (text) => {
        output.out += line(text);
      },
      note: (text) => {
        output.err += line(text);
      },
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      interactive: false,
      colour: { out: false, err: false },
      flush: async () => undefined,
      columns: 100,
    },
    files: {
      ...{ read: readWhole, write: writeWhole, append: appendWhole },
      ...{ exists, list: listFolder, real: realPath, makeFolder },
    },
    clock,
    randomBytes: () => unreachable('randomness'),
    openJournal: async () => unreachable('writing a journal'),
    openSharedJournal: async () => unreachable('writing a journal'),
    openReader: async (store) => openReader(store, thisProcess()),
    openEvidence: async (store) => openEvidence(store),
    artifacts: async (store) => openArtifacts(store),
    sqliteVersion: async () => unreachable('the version of SQLite'),
    tools: async () => unreachable('a tool'),
    trust: async (flag, project) => readTrustFile({ flag, env, home: cwd, project_root: project, etc: '/nowhere' }),
    userTrustPath: async () => '/nowhere',
    signer: async () => unreachable('a key'),
    temporal: async () => unreachable('Temporal'),
    model: async () => unreachable('a model'),
    hostFacts: async () => ({}),
    detach: async () => unreachable('another process'),
    exit,
    onInterrupt: () => () => undefined,
  };
}

function unreachable(what: string): never {
  throw new Error(`a question asked for ${what}`);
}

/** Digests as what they are: they change with every word of the lock's format. */
export function masked(text: string): string {
  return text.replace(/\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b/g, (digest) => '#'.repeat(digest.length));
}
