import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/* The package as a user gets it: what it holds, and that it runs with npx from the tarball in an empty folder. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { version, dependencies, optionalDependencies } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
) as {
  version: string;
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
};

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

let folder: string;
let packed: Packed;
let paths: readonly string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'expctl-package-'));
  const out = npm(ROOT, ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]);
  packed = (JSON.parse(out.stdout) as Packed[])[0]!;
  paths = packed.files.map(({ path }) => path);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function npm(cwd: string, args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('npm', args, { cwd, encoding: 'utf8', env: plainEnv() });
}

/** Without what the npm that runs the tests says to its children. */
function plainEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_(?!config_)|INIT_CWD)/.test(name)));
}

function texts(): [string, string][] {
  return paths.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]);
}

describe('what the package holds', () => {
  test('program, schemas and the papers, nothing else', () => {
    const places = new Set(paths.map((path) => path.split('/')[0]));
    const known = ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'package.json', 'schema'];
    expect([...places].sort()).toEqual(known);
    expect(paths).toEqual(
      expect.arrayContaining(['bin/expctl.js', 'dist/main.js', 'dist/index.js', 'dist/index.d.ts']),
    );
    expect(paths.filter((path) => /\.(map|tsx?)$/.test(path) && !path.endsWith('.d.ts'))).toEqual([]);
  });

  test('no path of the machine that built it', () => {
    const own = [ROOT.replace(/\/$/, ''), `${homedir()}/`, tmpdir()].filter((path) => path.length > 4);
    for (const [path, text] of texts()) {
      const found = own.filter((place) => path.startsWith('dist/') && text.includes(place));
      expect({ path, found: found.filter((place) => place !== '/tmp') }).toEqual({ path, found: [] });
      expect({ path, mapped: /sourceMappingURL/.test(text) }).toEqual({ path, mapped: false });
    }
  });

  test('every module that it imports is one of its dependencies, and every dependency is imported', () => {
    const imported = texts()
      .filter(([path]) => /^(bin|dist)\/.*\.js$/.test(path))
      .flatMap(([, text]) => [
        ...text.matchAll(
          /^(?:import|export)\b[^'"\n]*?from ?["']([^"'\n]+)["']|^import ?["']([^"'\n]+)["']|\bimport\(["']([^"'\n]+)["']\)/gm,
        ),
      ])
      .map((match) => match[1] ?? match[2] ?? match[3]!)
      .filter((name) => !name.startsWith('.') && !name.startsWith('node:'));
    const packages = new Set(
      imported.map((name) =>
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
    );
    for (const name of builtinModules) packages.delete(name);
    const optional = [...packages].filter((name) => Object.hasOwn(optionalDependencies, name));
    expect([...packages].sort()).toEqual([...Object.keys(dependencies), ...optional].sort());
  });
});

describe('installed from the tarball in an empty folder', () => {
  let project: string;

  beforeAll(() => {
    project = join(folder, 'empty');
    mkdirSync(join(project, 'plans'), { recursive: true });
    writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
    const install = ['install', '--no-audit', '--no-fund', join(folder, packed.filename)];
    const offline = npm(project, [...install, '--offline']);
    // What is optional and not in npm's cache is left out without a word.
    const done = offline.status === 0 && hasTemporal() ? offline : npm(project, install);
    if (done.status !== 0 && offline.status !== 0) throw new Error(`npm install failed:\n${done.stderr}`);
  }, 600_000);

  function hasTemporal(): boolean {
    return existsSync(join(project, 'node_modules/@temporalio/client'));
  }

  function npx(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync('npx', ['--no-install', 'expctl', ...args], { cwd: project, encoding: 'utf8', env: plainEnv() });
  }

  test('--version and --help', () => {
    expect(npx('--version')).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
    expect(npx('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('expctl'), stderr: '' });
  });

  test('it checks and locks a plan', () => {
    copyFileSync(join(ROOT, 'plans/beam.plan.yaml'), join(project, 'plans/beam.plan.yaml'));
    copyFileSync(join(ROOT, 'test/plan/fixtures/beam.tools.lock.json'), join(project, 'tools.lock.json'));
    const tools = readFileSync(join(ROOT, 'examples/beam/tools.yaml'), 'utf8');
    writeFileSync(join(project, 'tools.yaml'), tools.replaceAll('BEAM/', 'beam/'));
    expect(npx('check', 'plans/beam.plan.yaml')).toMatchObject({ status: 0 });
    expect(npx('lock', 'plans/beam.plan.yaml')).toMatchObject({ status: 0 });
    expect(readdirSync(join(project, 'plans'))).toContain('beam.lock.json');
  });

  test('its native module was compiled or fetched, and works', () => {
    const script = `import Database from 'better-sqlite3';
      console.log(new Database(':memory:').prepare('select 6 * 7 as answer').get().answer);`;
    writeFileSync(join(project, 'native.mjs'), script);
    const { stdout } = spawnSync(process.execPath, ['native.mjs'], { cwd: project, encoding: 'utf8' });
    expect(stdout).toBe('42\n');
  });

  test('its library can be imported, as the documentation says', () => {
    const script = `import * as expctl from 'expctl'; console.log(JSON.stringify(Object.keys(expctl)));`;
    writeFileSync(join(project, 'library.mjs'), script);
    const { status, stdout } = spawnSync(process.execPath, ['library.mjs'], { cwd: project, encoding: 'utf8' });
    expect(status).toBe(0);
    const names = ['canonicalJson', 'checkPlan', 'diffPlans', 'drawDesign', 'lockPlan', 'verifyApproval'];
    expect(JSON.parse(stdout)).toEqual(expect.arrayContaining(names));
  });

  /** Which of Temporal's modules a command loads. */
  function temporalModules(...args: readonly string[]): string[] {
    const [hook, list] = [join(project, 'hook.cjs'), join(project, 'loaded.json')];
    const loaded = `Object.keys(require('node:module')._cache).filter((file) => file.includes('@temporalio'))`;
    const write = `require('node:fs').writeFileSync(${JSON.stringify(list)}, JSON.stringify(${loaded}))`;
    writeFileSync(hook, `process.on('exit', () => ${write});`);
    const argv = ['--require', hook, 'node_modules/expctl/bin/expctl.js', ...args];
    spawnSync(process.execPath, argv, { cwd: project, env: plainEnv() });
    return JSON.parse(readFileSync(list, 'utf8')) as string[];
  }

  test('the packages of Temporal are loaded by what speaks with it, and by nothing else', ({ skip }) => {
    if (!hasTemporal()) skip('the optional packages could not be fetched');
    expect(temporalModules('--version')).toEqual([]);
    expect(temporalModules('--help')).toEqual([]);
    expect(temporalModules('doctor')).toEqual([]);
    expect(temporalModules('server', 'status', '--address', '127.0.0.1:9').length).toBeGreaterThan(10);
  });

  test('without the packages of Temporal all else works, and what needs them says what to install', () => {
    rmSync(join(project, 'node_modules/@temporalio'), { recursive: true });
    expect(npx('--help')).toMatchObject({ status: 0, stderr: '' });
    expect(npx('check', 'plans/beam.plan.yaml')).toMatchObject({ status: 0 });
    const { status, stdout, stderr } = npx('server', 'status', '--address', '127.0.0.1:9');
    expect(status).toBe(7);
    expect(`${stdout}${stderr}`).toContain('npm install @temporalio/client@');
  });
});
