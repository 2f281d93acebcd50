import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Context, createContext, runInContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import { MIXED } from '../design/helpers.ts';
import { smallJournal } from '../kernel/small-journal.ts';
import { draw, replay } from './bare-entry.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PURE = ['base', 'ir', 'design', 'kernel'];

/** What differs between machines, engines or moments, and so may have no part in what is replayed. */
const FORBIDDEN = `
  const refuse = (name) => () => { throw new Error(name + ' in a pure folder'); };
  const IMPRECISE = ['exp', 'expm1', 'log', 'log1p', 'log2', 'log10', 'pow', 'cbrt', 'hypot', 'sin', 'cos', 'tan', 'asin', 'acos',
    'atan', 'atan2', 'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh'];
  for (const name of ['random', ...IMPRECISE]) Math[name] = refuse('Math.' + name);
  globalThis.Date = function Date() { throw new Error('Date in a pure folder'); };
  Date.now = refuse('Date.now');
  for (const name of ['localeCompare', 'toLocaleLowerCase', 'toLocaleUpperCase']) String.prototype[name] = refuse(name);
  Number.prototype.toLocaleString = refuse('toLocaleString');
  for (const name of ['Intl', 'WebAssembly', 'console']) delete globalThis[name];
`;

/** The four folders, every file of them, as one script. The bundler is the one that builds the product. */
async function bundle(): Promise<string> {
  const path = createRequire(createRequire(import.meta.url).resolve('tsdown')).resolve('rolldown');
  const { rolldown } = (await import(pathToFileURL(path).href)) as {
    rolldown: (options: object) => Promise<{ generate(options: object): Promise<{ output: { code: string }[] }> }>;
  };
  const files = PURE.flatMap((folder) => sources(join(ROOT, 'src', folder)));
  expect(files.length).toBeGreaterThan(50);
  const entry = `${files.map((file) => `import ${JSON.stringify(file)};`).join('\n')}
    export * from ${JSON.stringify(join(ROOT, 'test/architecture/bare-entry.ts'))};`;
  const built = await rolldown({
    input: 'all',
    treeshake: false,
    platform: 'neutral',
    logLevel: 'silent',
    plugins: [
      {
        name: 'all',
        resolveId: (id: string) => (id === 'all' ? '\0all' : null),
        load: (id: string) => (id === '\0all' ? entry : null),
      },
    ],
  });
  const { output } = await built.generate({ format: 'iife', name: 'pure' });
  return output[0]!.code;
}

function sources(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts')).map((file) => join(folder, file));
}

describe('base, ir, design and kernel with nothing but ECMAScript', () => {
  let context: Context;
  const call = (name: 'replay' | 'draw', text: string): string =>
    runInContext(`pure.${name}(${JSON.stringify(text)})`, context) as string;

  beforeAll(async () => {
    context = createContext({});
    runInContext(FORBIDDEN, context);
    runInContext(await bundle(), context);
  });

  test('the guards bite', () => {
    for (const expression of ['new Date()', 'Date.now()', 'Math.random()', 'Math.exp(1)', "'a'.localeCompare('b')"]) {
      expect(() => runInContext(expression, context), expression).toThrow('in a pure folder');
    }
    for (const name of [
      'process',
      'setTimeout',
      'console',
      'Buffer',
      'fetch',
      'crypto',
      'TextEncoder',
      'structuredClone',
    ]) {
      expect(runInContext(`typeof ${name}`, context), name).toBe('undefined');
    }
  });

  test('replay the golden journal, with the same commands and the same end as here', () => {
    const text = JSON.stringify(smallJournal());
    expect(call('replay', text)).toBe(replay(text));
    expect(JSON.parse(call('replay', text))).toMatchObject({ study: { status: 'finished' } });
  });

  test('find an altered event there too', () => {
    const journal = smallJournal();
    const at = journal.entries.findIndex(({ event }) => event.type === 'effect.intended');
    const { event } = journal.entries[at]!;
    const altered = { ...journal.entries[at]!, event: { ...event, call: 't/other' } };
    const text = JSON.stringify({
      ...journal,
      entries: journal.entries.with(at, altered as typeof altered & { event: typeof event }),
    });
    expect(() => call('replay', text)).toThrow(/expected effect\.intended/);
  });

  test.each([
    { kind: 'latin_hypercube', points: 8, seed: 7, optimize: 'maximin' },
    { kind: 'latin_hypercube', points: 40, seed: 7, optimize: 'none' },
    { kind: 'sobol', points: 64, seed: 7, scramble: true, skip: 3 },
    { kind: 'full_factorial', levels: { width: 3, stiffness: 2, ribs: 2 } },
  ] as const)('draw the same design: $kind', (generator) => {
    const text = JSON.stringify({ generator, variables: MIXED });
    expect(call('draw', text)).toBe(draw(text));
  });
});
