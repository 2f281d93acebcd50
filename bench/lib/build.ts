import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { build } from 'tsdown';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Under node_modules, so that what the programs import is found, and nobody takes them for sources. */
const folder = join(root, 'node_modules', '.cache', 'expctl-bench');

/**
 * Builds programs of `bench/own` as expctl itself is built: what is measured is not slowed by how a developer runs TypeScript.
 *
 * @returns the built file of each program
 */
export async function built<Name extends string>(...names: Name[]): Promise<Record<Name, string>> {
  await build({
    config: false,
    cwd: root,
    entry: Object.fromEntries(names.map((name) => [name, join(root, 'bench', 'own', `${name}.ts`)])),
    outDir: folder,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    fixedExtension: false,
    dts: false,
    clean: true,
    logLevel: 'warn',
  });
  return Object.fromEntries(names.map((name) => [name, join(folder, `${name}.js`)])) as Record<Name, string>;
}
