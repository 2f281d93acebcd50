import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { appendWhole } from '../../src/adapters/files/append.ts';
import { openArtifacts } from '../../src/adapters/artifacts.ts';
import { createModel } from '../../src/adapters/anthropic/create.ts';
import { exists, listFolder, makeFolder, readWhole, realPath, writeWhole } from '../../src/adapters/files/files.ts';
import { readTrustFile, userTrustPath } from '../../src/adapters/files/trust-file.ts';
import { hostFacts, onInterrupt, systemClock } from '../../src/adapters/host.ts';
import { signerOf } from '../../src/adapters/signer.ts';
import { openJournal } from '../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../src/adapters/sqlite/process-facts.ts';
import { openEvidence } from '../../src/adapters/sqlite/evidence.ts';
import { openSharedJournal } from '../../src/adapters/sqlite/shared-journal.ts';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { sqliteVersion } from '../../src/adapters/sqlite/version.ts';
import { temporalAccess } from '../../src/adapters/temporal/access.ts';
import { createTools } from '../../src/adapters/tools.ts';
import type { App } from '../../src/commands/app.ts';
import { runProgram } from '../../src/commands/program.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Circumstances {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The clock stands at this time, in milliseconds since 1970. */
  readonly now_ms?: number;
  /** A person sits at the terminal and types this; unless given, nobody does. */
  readonly typed?: string;
}

/** A folder that is removed by `remove`, with a project, an empty HOME, and room for keys and policies beside them. */
export interface TestProject {
  /** Everything is below it. */
  readonly root: string;
  readonly project: string;
  readonly home: string;
  /** A command in this process, with the real adapters; the project is the working folder. */
  run(args: readonly string[], circumstances?: Circumstances): Promise<Ended>;
  /** The same in a process of its own, from the source. */
  runProcess(args: readonly string[], circumstances?: Pick<Circumstances, 'cwd' | 'env'>): Promise<Ended>;
  app(circumstances?: Circumstances): TestApp;
  remove(): void;
}

/** A project whose plan is plans/beam-small.plan.yaml and whose tool is pinned, not installed. */
export function makeProject(): TestProject {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-test-')));
  const [project, home] = [join(root, 'project'), join(root, 'home')];
  for (const folder of [project, join(project, 'plans'), home]) mkdirSync(folder);
  cpSync(join(ROOT, 'plans/beam-small.plan.yaml'), join(project, 'plans/beam-small.plan.yaml'));
  cpSync(join(ROOT, 'test/plan/fixtures/beam.tools.lock.json'), join(project, 'tools.lock.json'));
  writeFileSync(join(project, 'tools.yaml'), 'tools: {}\n');
  const app = (circumstances: Circumstances = {}) => new TestApp({ cwd: project, ...circumstances }, home);
  return {
    root,
    project,
    home,
    app,
    run: async (args, circumstances) => app(circumstances).run(args),
    runProcess: (args, { cwd = project, env = {} } = {}) => runProcess(args, cwd, { ...env, HOME: home }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The real adapters, with standard streams that are kept, a HOME of its own, and no environment but what is given. */
export class TestApp {
  readonly app: App;
  #stdout = '';
  #stderr = '';
  #status = 0;

  constructor(circumstances: Circumstances & { readonly cwd: string }, home: string) {
    const { cwd, env = {}, now_ms, typed } = circumstances;
    const clock = now_ms === undefined ? systemClock : { ...systemClock, now_ms: () => now_ms };
    this.app = {
      version: '0.0.0-test',
      cwd,
      home,
      env,
      terminal: this.#terminal(typed),
      files: {
        ...{ read: readWhole, write: writeWhole, append: appendWhole },
        ...{ exists, list: listFolder, real: realPath, makeFolder },
      },
      clock,
      randomBytes: (count) => randomBytes(count),
      openJournal: async (store) => openJournal(store, { clock, process: thisProcess() }),
      openSharedJournal: async (store) => openSharedJournal(store, { clock, process: thisProcess() }),
      openReader: async (store) => openReader(store, thisProcess()),
      openEvidence: async (store) => openEvidence(store),
      sqliteVersion,
      artifacts: async (store, journal) => openArtifacts(store, journal),
      tools: async ({ project_folder, artifacts }) => createTools({ project_folder, artifacts }),
      temporal: async () => temporalAccess({ env, home, note: (text) => this.#note(text) }),
      model: async (wishes) => createModel(wishes, env, clock),
      trust: async (flag, project_root) => readTrustFile({ flag, env, home, project_root, etc: join(home, 'etc') }),
      userTrustPath: async () => userTrustPath({ env, home }),
      signer: async (key_path) => signerOf(key_path, (text) => this.#note(text)),
      hostFacts: (project) => hostFacts(project, '0.0.0-test'),
      detach: () => Promise.reject(new Error('a test does not detach')),
      exit: (code) => {
        this.#status = code;
      },
      onInterrupt,
    };
  }

  async run(args: readonly string[]): Promise<Ended> {
    const failed = await runProgram(args, this.app);
    return { status: failed ?? this.#status, stdout: this.#stdout, stderr: this.#stderr };
  }

  #note(text: string): void {
    this.#stderr += text.endsWith('\n') ? text : `${text}\n`;
  }

  #terminal(typed: string | undefined): App['terminal'] {
    const stdin = new PassThrough();
    const screen = new PassThrough();
    screen.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    stdin.end(typed ?? '');
    return {
      out: (text) => {
        this.#stdout += text.endsWith('\n') ? text : `${text}\n`;
      },
      note: (text) => this.#note(text),
      stdin: stdin as unknown as NodeJS.ReadStream,
      stdout: screen as unknown as NodeJS.WriteStream,
      stderr: screen as unknown as NodeJS.WriteStream,
      interactive: typed !== undefined,
      colour: { out: false, err: false },
      columns: 80,
      flush: async () => undefined,
    };
  }
}

/** Runs the program from its source, with nothing in its environment but PATH and what is given. */
export function runProcess(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const argv = ['--import', import.meta.resolve('tsx'), join(ROOT, 'src/main.ts'), ...args];
  const child = spawn(process.execPath, argv, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ status: code ?? -1, ...output }));
  });
}
