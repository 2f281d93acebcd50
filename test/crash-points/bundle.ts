import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));

/**
 * The adapters that src/main.ts puts behind its ports, and what lies below them; and the modules of this folder that stand in for
 * them: each wraps the real one. They are put in place when the program is bundled: nothing in the product knows of tests.
 */
const WRAPPED: Readonly<Record<string, string>> = {
  [join(ROOT, 'src/adapters/sqlite/journal.ts')]: 'journal.ts',
  [join(ROOT, 'src/adapters/sqlite/reader.ts')]: 'reader.ts',
  [join(ROOT, 'src/adapters/sqlite/process-facts.ts')]: 'process-facts.ts',
  [join(ROOT, 'src/adapters/artifacts.ts')]: 'artifacts.ts',
  [join(ROOT, 'src/adapters/files/append.ts')]: 'append.ts',
  [join(ROOT, 'src/adapters/files/files.ts')]: 'files.ts',
  [join(ROOT, 'src/adapters/tools.ts')]: 'tools.ts',
};
const BELOW: Readonly<Record<string, string>> = { 'better-sqlite3': 'sqlite.ts', 'node:fs/promises': 'file-system.ts' };

/**
 * Bundles src/main.ts with wrapped adapters into a folder, so that a process of it starts in a fraction of the time that it takes
 * from source.
 *
 * @returns the program's file
 */
export async function bundleProgram(folder: string): Promise<string> {
  // The bundler is the one that builds the product.
  const path = createRequire(createRequire(import.meta.url).resolve('tsdown')).resolve('rolldown');
  const { rolldown } = (await import(pathToFileURL(path).href)) as {
    rolldown: (options: object) => Promise<{ write(options: object): Promise<unknown>; close(): Promise<void> }>;
  };
  const built = await rolldown({
    input: join(ROOT, 'src/main.ts'),
    platform: 'node',
    logLevel: 'silent',
    plugins: [{ name: 'wrapped', resolveId: resolveWrapped }],
  });
  await built.write({
    dir: folder,
    format: 'esm',
    minify: true,
    entryFileNames: 'main.mjs',
    chunkFileNames: '[name]-[hash].mjs',
  });
  await built.close();
  return join(folder, 'main.mjs');
}

function resolveWrapped(id: string, importer = ''): { id: string; external?: boolean } | null {
  const isMain = importer === join(ROOT, 'src/main.ts');
  const wrapped = importer.startsWith(join(ROOT, 'src/adapters/')) ? BELOW[id] : undefined;
  const replaced = isMain && id.startsWith('.') ? WRAPPED[join(dirname(importer), id)] : wrapped;
  if (replaced !== undefined) return { id: join(HERE, 'wrapped', replaced) };
  // Native parts are found from where they lie.
  return id === 'better-sqlite3' || id.startsWith('@temporalio/')
    ? { id: createRequire(import.meta.url).resolve(id), external: true }
    : null;
}
