import { homedir } from 'node:os';
import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { detach, hostFacts, onInterrupt, systemClock } from './adapters/host.ts';
import { exists, listFolder, makeFolder, readWhole, realPath, writeWhole } from './adapters/files/files.ts';
import { standardTerminal } from './adapters/terminal.ts';
import { ERROR_CODES } from './base/error.ts';
import type { App } from './commands/app.ts';
import { VERSION } from './version.ts';

/*
 * The composition root: the only file that knows every adapter. Each is loaded when it is used, so that `--version` and `--help`
 * cost next to nothing.
 */

// A heap that has been large may grow fourfold before V8 collects it; by three quarters costs next to no time, and a run of days leaves
// the memory to solvers.
setFlagsFromString('--heap-growing-percent=75');

const args = process.argv.slice(2);

if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) process.stdout.write(`${VERSION}\n`);
else await start();

async function start(): Promise<void> {
  const { runProgram } = await import('./commands/program.ts');
  const terminal = standardTerminal(args);
  let status = 0;
  const failed = await runProgram(
    args,
    createApp(terminal, (code) => {
      status = code;
      // A failure keeps its status where whoever reads our output stops early; to wait for a person is none.
      if (code !== ERROR_CODES.WAITS_FOR_PERSON.exit) process.exitCode = code;
    }),
  );
  await terminal.flush();
  process.exit(failed ?? status);
}

function createApp(terminal: App['terminal'], exit: (code: number) => void): App {
  const home = homedir();
  const env = process.env;
  return {
    version: VERSION,
    cwd: process.cwd(),
    home,
    env,
    terminal,
    files: {
      ...{ read: readWhole, write: writeWhole, exists, list: listFolder, real: realPath, makeFolder },
      append: async (...args) => (await import('./adapters/files/append.ts')).appendWhole(...args),
    },
    clock: systemClock,
    randomBytes: (count) => randomBytes(count),
    openJournal: async (store, clock = systemClock) => {
      const [{ openJournal }, { thisProcess }] = await Promise.all([
        import('./adapters/sqlite/journal.ts'),
        import('./adapters/sqlite/process-facts.ts'),
      ]);
      return openJournal(store, { clock, process: thisProcess(), onNotice: (text) => terminal.note(text) });
    },
    openSharedJournal: async (store, clock = systemClock) => {
      const [{ openSharedJournal }, { thisProcess }] = await Promise.all([
        import('./adapters/sqlite/shared-journal.ts'),
        import('./adapters/sqlite/process-facts.ts'),
      ]);
      return openSharedJournal(store, { clock, process: thisProcess(), onNotice: (text) => terminal.note(text) });
    },
    openReader: async (store) => {
      const [{ openReader }, { thisProcess }] = await Promise.all([
        import('./adapters/sqlite/reader.ts'),
        import('./adapters/sqlite/process-facts.ts'),
      ]);
      return openReader(store, thisProcess());
    },
    openEvidence: async (store) => (await import('./adapters/sqlite/evidence.ts')).openEvidence(store),
    sqliteVersion: async () => (await import('./adapters/sqlite/version.ts')).sqliteVersion(),
    artifacts: async (store, journal) => (await import('./adapters/artifacts.ts')).openArtifacts(store, journal),
    tools: async ({ project_folder, artifacts, onLog }) => {
      const { createTools } = await import('./adapters/tools.ts');
      return createTools({ project_folder, artifacts, ...(onLog === undefined ? {} : { log: onLog }) });
    },
    temporal: async () =>
      (await import('./adapters/temporal/access.ts')).temporalAccess({
        env,
        home,
        note: (text) => terminal.note(text),
      }),
    model: async (wishes) => (await import('./adapters/anthropic/create.ts')).createModel(wishes, env, systemClock),
    trust: async (flag, project) => {
      const { readTrustFile } = await import('./adapters/files/trust-file.ts');
      return readTrustFile({ flag, env, home, project_root: project });
    },
    userTrustPath: async () => (await import('./adapters/files/trust-file.ts')).userTrustPath({ env, home }),
    signer: async (key_path) => (await import('./adapters/signer.ts')).signerOf(key_path, terminal.note),
    hostFacts: (project) => hostFacts(project, VERSION),
    detach: (detached, log_file) => detach(process.argv[1]!, detached, log_file),
    exit,
    onInterrupt,
  };
}
