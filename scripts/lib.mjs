/*
 * What the scripts share: the set-up of a fresh clone. Only modules of Node itself may be imported here, for this runs before
 * anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** What must be here before `npm ci`: the oldest Node that the packages run on. */
const OLDEST_NODE = [20, 19];
const LOCK_STAMP = 'node_modules/.expctl-lock-sha256';
const BUILD_STAMP = 'node_modules/.expctl-build-sha256';
const BUILT = ['dist/main.js', 'dist/index.js'];
const BUILT_FROM = ['src', 'scripts/workflows.mjs', 'package.json', 'tsconfig.json', 'tsdown.config.ts'];

/** A fault of the machine and not of expctl; it is shown without a stack. */
export class SetUpError extends Error {}

/** The path of a command that can be run, or undefined. */
export function commandPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Runs a command to its end with the terminal handed on; its standard output goes to standard error. */
export function run(command, args, options = {}) {
  const child = spawnSync(command, args, { cwd: ROOT, stdio: ['inherit', 2, 2], ...options });
  if (child.error) throw new SetUpError(`${command} cannot be started: ${child.error.message}`);
  return child;
}

/** Runs the main function of a script, and turns what it throws or gives into the exit status. */
export async function main(body) {
  try {
    process.exitCode = (await body(process.argv.slice(2))) ?? 0;
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    process.exitCode = 1;
  }
}

/** Installs the packages when package-lock.json, or the Node that the compiled ones are for, has changed since the last time. */
export function ensureInstalled() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]))
    throw new SetUpError(`Node ${OLDEST_NODE.join('.')} or later is needed; this is ${process.versions.node}.`);
  const wanted = `${digestOf(['package-lock.json'])} node-abi-${process.versions.modules}\n`;
  if (stamp(LOCK_STAMP) === wanted) return;
  if (!existsSync(join(ROOT, 'package-lock.json'))) throw new SetUpError('package-lock.json is missing.');
  step('Installing packages (npm ci)', () => npm(['ci', '--no-progress'], { env: compilerEnvironment() }));
  writeStamp(LOCK_STAMP, wanted);
}

/** Builds dist/ when a source has changed since the last time. */
export function ensureBuilt() {
  const wanted = `${digestOf(BUILT_FROM)}\n`;
  if (stamp(BUILD_STAMP) === wanted && BUILT.every((path) => existsSync(join(ROOT, path)))) return;
  const argv = ['node_modules/tsdown/dist/run.mjs', '--log-level', 'error'];
  step('Building dist/', () => run(process.execPath, argv));
  step('Bundling workflows', () => run(process.execPath, ['scripts/workflows.mjs']));
  writeStamp(BUILD_STAMP, wanted);
}

/** Seconds with one decimal, or minutes and seconds from 100 s on. */
export function duration(seconds) {
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Runs npm, the one that started this script if any. */
function npm(args, options) {
  const { npm_execpath: script } = process.env;
  return script?.endsWith('.js') ? run(process.execPath, [script, ...args], options) : run('npm', args, options);
}

function step(title, action) {
  process.stderr.write(`${title} ...\n`);
  const start = performance.now();
  const { status, signal } = action();
  if (status !== 0) throw new SetUpError(`${title} failed (${signal ?? `exit status ${status}`}); see above.`);
  process.stderr.write(`${title}: done in ${duration((performance.now() - start) / 1000)}.\n`);
}

/**
 * The environment for compiling better-sqlite3. node-gyp downloads Node's headers; where they came with Node it need not. What the
 * user has configured himself holds.
 */
function compilerEnvironment() {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const header = join(prefix, 'include/node/node_version.h');
  if (!existsSync(header) || !isHeaderOfThisNode(readFileSync(header, 'utf8'))) return process.env;
  const configured = npm(['config', 'get', 'nodedir'], { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' });
  const unset = ['', 'undefined', 'null'].includes((configured.stdout ?? '').trim());
  return unset ? { ...process.env, npm_config_nodedir: prefix } : process.env;
}

function isHeaderOfThisNode(header) {
  const part = (name) => header.match(new RegExp(`#define NODE_${name}_VERSION (\\d+)`))?.[1];
  return [part('MAJOR'), part('MINOR'), part('PATCH')].join('.') === process.versions.node;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** SHA-256 over the names and bytes of files, and of folders with all that is in them. */
function digestOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths.flatMap(filesUnder).sort()) {
    const bytes = readFileSync(join(ROOT, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

function filesUnder(path) {
  const full = join(ROOT, path);
  if (!existsSync(full)) return [];
  if (!statSync(full).isDirectory()) return [path];
  const entries = readdirSync(full, { withFileTypes: true, recursive: true, encoding: 'utf8' });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
}

/** A new file, for the folder may be shared with another clone by hard links. */
function writeStamp(path, text) {
  const full = join(ROOT, path);
  rmSync(full, { force: true });
  writeFileSync(full, text);
}

function stamp(path) {
  const full = join(ROOT, path);
  return existsSync(full) ? readFileSync(full, 'utf8') : undefined;
}
