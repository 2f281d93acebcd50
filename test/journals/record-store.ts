/*
 * Records a golden store, by hand and once for each version of the store: `npx tsx test/journals/record-store.ts NAME`, with a build of the
 * expctl that writes this version. See README.md.
 *
 * Two runs of one approved lock: `finished` came to its end, `interrupted` was killed while a tool was at work. As with
 * golden journals, what would tell of this machine is not in the rows from the start.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HOST = 'lab';
const PERSON = 'lead@example.org';
const PATIENCE_S = 30;

/** Squares a number; does not come to an end at 3 while there is a file `hold`. */
const TOOL = `import { appendFileSync, existsSync } from 'node:fs';
const [x] = process.argv.slice(2);
const here = (name) => new URL(name, import.meta.url);
if (x === '3' && existsSync(here('hold'))) {
  appendFileSync(here('held'), String(process.pid));
  setInterval(() => undefined, 1000);
} else {
  console.log(JSON.stringify({ y: x * x }));
}
`;

const TOOLS = `tools:
  square:
    process: { command: [node, tool.mjs] }
    calls:
      run:
        effect: pure
        argv: ["{x}"]
        input: { type: object, properties: { x: { type: number } }, required: [x], additionalProperties: false }
        answer: { type: object, properties: { y: { type: number } }, required: [y] }
`;

const PLAN = `expctl: 1
name: square
goal: Squares of six numbers, and the squares of these.
variables: { x: { type: ordered, values: [1, 2, 3, 4, 5, 6] } }
pipeline:
  square: { call: square/run, with: { x: =x }, uses: { cores: 1 } }
  again: { call: square/run, with: { x: =square.y }, uses: { cores: 1 }, retry: { attempts: 2, backoff: 1s, on: [transient] } }
metrics: { y: { value: =again.y } }
objectives: [{ minimize: y }]
study:
  - { phase: all, design: { full_factorial: { levels: 6 } } }
  - { phase: end, decide: [{ if: size(feasible) == 0, then: next, because: "nothing feasible" }, { else: stop, because: "all is known" }] }
pools: { cores: 2 }
budget: { points: 6, calls: 40, wall_time: 1h, failed_points: 3 }
`;

const name = process.argv[2] ?? '';
const [sqlFile, filesFile] = [`${name}.sql`, `${name}.files.json`].map((file) => join(ROOT, 'test/journals', file));
if (name === '' || existsSync(sqlFile!)) throw new Error('give the name of a golden store that is not there yet');

const root = mkdtempSync(join(tmpdir(), 'expctl-record-'));
const project = join(root, 'project');
const store = join(project, '.expctl');
try {
  await perform();
  const dump = dumped();
  const files = JSON.stringify({ recorded_ms: Date.now(), files: filesBelow(root) }, null, 1);
  refuseTelltales(dump + files);
  writeFileSync(sqlFile!, dump);
  writeFileSync(filesFile!, `${files}\n`);
} finally {
  rmSync(root, { recursive: true, force: true });
}

async function perform(): Promise<void> {
  mkdirSync(project);
  writeFileSync(join(project, 'tool.mjs'), TOOL);
  writeFileSync(join(project, 'tools.yaml'), TOOLS);
  writeFileSync(join(project, 'square.plan.yaml'), PLAN);
  const [lock, trust, key] = ['square.lock.json', '../trust.json', '../lead.key'];
  expctl('keys', 'new', key);
  expctl('trust', 'init', '--person', PERSON, '--key', key, '--solo', '--allow-without-terminal', '-o', trust);
  expctl('tools', 'pin');
  expctl('lock', 'square.plan.yaml');
  expctl('request', lock, '--by', PERSON, '--runs', '2');
  expctl('approve', lock, '--key', key, '--trust', trust);
  expctl('run', lock, '--trust', trust, '--id', 'finished');
  writeFileSync(join(project, 'hold'), '');
  await killedAtHold('run', lock, '--trust', trust, '--id', 'interrupted');
  for (const file of ['hold', 'held']) rmSync(join(project, file));
}

/** Kills the engine once a tool is held, and the tool too. */
async function killedAtHold(...args: readonly string[]): Promise<void> {
  const [command, ...argv] = argvOf(args);
  const child = spawn(command!, argv, { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
  const held = join(project, 'held');
  for (let waited_s = 0; !existsSync(held) || answers() < 10; waited_s += 0.1) {
    if (waited_s > PATIENCE_S) throw new Error('no tool is held');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const gone = new Promise((resolve) => child.once('exit', resolve));
  process.kill(child.pid!, 'SIGKILL');
  process.kill(Number(readFileSync(held, 'utf8')), 'SIGKILL');
  await gone;
}

/** How many calls of the interrupted run were answered. */
function answers(): number {
  const database = new Database(join(store, 'journal.sqlite'), { readonly: true });
  const text = "SELECT count(*) FROM events WHERE run = 'interrupted' AND type = 'effect.answered'";
  const count = Number(database.prepare(text).pluck().get());
  database.close();
  return count;
}

/** The built command line, on a machine that calls itself HOST. */
function expctl(...args: readonly string[]): void {
  console.log(`$ expctl ${args.join(' ')}`);
  const [command, ...argv] = argvOf(args);
  const { status } = spawnSync(command!, argv, { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`expctl ${args.join(' ')} ended with ${status}`);
}

function argvOf(args: readonly string[]): string[] {
  const command = [process.execPath, join(ROOT, 'bin/expctl.js'), ...args];
  const namespace = process.getuid?.() === 0 ? ['--uts'] : ['--user', '--map-root-user', '--uts'];
  return ['unshare', ...namespace, 'sh', '-c', `hostname ${HOST}; exec "$@"`, 'sh', ...command];
}

/** Who held a lease is no evidence, and is another machine for whoever loads the dump. */
function dumped(): string {
  const database = new Database(join(store, 'journal.sqlite'));
  const [application, version] = ['application_id', 'user_version'].map((pragma) =>
    Number(database.pragma(pragma, { simple: true })),
  );
  database.exec("UPDATE leases SET machine = 'lab', boot = 'boot', namespace = 'pid:1', started = '1'");
  database.close();
  const { stdout, status } = spawnSync('sqlite3', [join(store, 'journal.sqlite'), '.dump'], { encoding: 'utf8' });
  if (status !== 0) throw new Error('sqlite3 could not dump the store');
  return `PRAGMA application_id = ${application};\nPRAGMA user_version = ${version};\n${stdout}`;
}

/** Files of the project, of its store (but for the journal), and the trust policy; the private key stays out. */
function filesBelow(folder: string): Readonly<Record<string, string>> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true, encoding: 'utf8' });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const kept = paths.filter((path) => !/journal\.sqlite|lead\.key$|\/work\//.test(path)).sort();
  return Object.fromEntries(kept.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]));
}

/** Host and paths of this machine, anywhere. */
function refuseTelltales(all: string): void {
  const isHost = new RegExp(`(?<![\\w.-])${hostname()}(?![\\w.-])`);
  const told = [ROOT, tmpdir()].filter((path) => all.includes(path));
  if (isHost.test(all)) told.push(hostname());
  if (told.length > 0) throw new Error(`the store tells of this machine: ${told.join(', ')}`);
}
