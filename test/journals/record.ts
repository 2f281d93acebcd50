/*
 * Records golden journals, by hand and once for each: `npx tsx test/journals/record.ts NAME`. See README.md.
 *
 * The built command line performs a real run of the beam in a folder of its own. What would tell of this machine is not in the
 * journal from the start, so that no row is written anew and every signature is the one that was made: the processes live in a UTS
 * namespace with a neutral host name, the project is in no git repository, and all paths in it are relative.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { unwrap } from '../../src/base/result.ts';
import { type GoldenJournal, writeGolden } from './file.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HOST = 'lab';
const PERSON = 'lead@example.org';

/** What is recorded: the plan, the solver that `auto` means, and how the run goes on behind each gate. */
const RECORDINGS: Readonly<Record<string, { plan: string; solver: 'builtin' | 'ccx'; gates: readonly string[] }>> = {
  'beam-small': { plan: 'beam-small', solver: 'builtin', gates: [] },
  beam: { plan: 'beam', solver: 'ccx', gates: ['continue'] },
};

const name = process.argv[2] ?? '';
const recording = RECORDINGS[name];
if (recording === undefined) throw new Error(`give one of ${Object.keys(RECORDINGS).join(', ')}`);
const target = join(ROOT, 'test/journals', `${name}.journal.jsonl`);
if (existsSync(target)) throw new Error(`${target} is there, and golden journals are never changed`);

const root = mkdtempSync(join(tmpdir(), 'expctl-record-'));
const project = join(root, 'project');
try {
  makeProject();
  perform();
  const journal = await recorded();
  refuseTelltales(journal);
  const text = writeGolden(journal);
  writeFileSync(target, text);
  console.log(`${target}: ${text.length} bytes`);
} finally {
  rmSync(root, { recursive: true, force: true });
}

/** The tool's files are in the project, its packages beside it. */
function makeProject(): void {
  mkdirSync(join(project, 'plans'), { recursive: true });
  cpSync(join(ROOT, 'examples/beam'), join(project, 'beam'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  copyFileSync(join(ROOT, `plans/${recording!.plan}.plan.yaml`), join(project, `plans/${recording!.plan}.plan.yaml`));
  const tools = readFileSync(join(project, 'beam/tools.yaml'), 'utf8');
  const started = `server.js], env: { BEAM_SOLVER: ${recording!.solver} } }`;
  writeFileSync(join(project, 'tools.yaml'), tools.replace('server.js] }', started).replaceAll('BEAM/', 'beam/'));
}

function perform(): void {
  const [lock, trust, key] = [`plans/${recording!.plan}.lock.json`, '../trust.json', '../lead.key'];
  const signing = ['--key', key, '--trust', trust];
  const solo = ['--solo', '--allow-without-terminal', '-o', trust];
  expctl(0, 'keys', 'new', key);
  expctl(0, 'trust', 'init', '--person', PERSON, '--key', key, ...solo);
  expctl(0, 'tools', 'pin');
  expctl(0, 'lock', `plans/${recording!.plan}.plan.yaml`);
  expctl(0, 'request', lock, '--by', PERSON);
  expctl(0, 'approve', lock, ...signing);
  const [first, ...others] = [...recording!.gates.map(() => 5), 0];
  expctl(first!, 'run', lock, '--trust', trust);
  for (const [index, outcome] of recording!.gates.entries()) {
    expctl(0, 'gate', '--outcome', outcome, '--comment', 'The first points are plausible.', ...signing);
    expctl(others[index]!, 'resume', '--trust', trust);
  }
  expctl(0, 'replay', '--trust', trust);
}

/** The built command line, on a machine that calls itself HOST. */
function expctl(expected: number, ...args: readonly string[]): void {
  console.log(`$ expctl ${args.join(' ')}`);
  const command = [process.execPath, join(ROOT, 'bin/expctl.js'), ...args];
  const namespace = process.getuid?.() === 0 ? ['--uts'] : ['--user', '--map-root-user', '--uts'];
  const argv = [...namespace, 'sh', '-c', `hostname ${HOST}; exec "$@"`, 'sh', ...command];
  const { status } = spawnSync('unshare', argv, { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== expected) throw new Error(`expctl ${args.join(' ')} ended with ${status}`);
}

/** Host and paths of this machine, anywhere in the journal or in the files that it names. */
function refuseTelltales({ rows, objects }: GoldenJournal): void {
  const all = [JSON.stringify(rows), ...objects.map((bytes) => Buffer.from(bytes).toString('latin1'))].join('\n');
  const isHost = new RegExp(`(?<![\\w.-])${hostname()}(?![\\w.-])`);
  const told = [ROOT, tmpdir()].filter((path) => all.includes(path));
  if (isHost.test(all)) told.push(hostname());
  if (told.length > 0) throw new Error(`the journal tells of this machine: ${told.join(', ')}`);
}

async function recorded(): Promise<GoldenJournal> {
  const store = join(project, '.expctl');
  const reader = unwrap(openReader(store));
  const [run] = await reader.runs();
  const rows = [];
  for await (const row of reader.read(run!.run)) rows.push(row);
  await reader.close();
  const objects = readdirSync(join(store, 'cas/sha256'), { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  return { run: run!, trust: readFileSync(join(root, 'trust.json'), 'utf8'), objects, rows };
}
