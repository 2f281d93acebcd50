import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

/** Which folder may import which others. `main.ts` and `index.ts` wire everything; anybody may import `version.ts`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  ir: ['base'],
  design: ['base'],
  kernel: ['base', 'ir'],
  plan: ['base', 'ir', 'design'],
  approval: ['base', 'ir'],
  planner: ['base', 'ir', 'plan'],
  engines: ['base', 'ir', 'design', 'kernel', 'approval'],
  conformance: ['base', 'ir', 'engines'],
  provenance: ['base', 'ir', 'design', 'kernel', 'approval'],
  adapters: ['base', 'ir', 'plan', 'kernel', 'approval', 'planner', 'provenance', 'engines'],
  ui: ['base', 'ir', 'plan', 'approval', 'provenance'],
  commands: [
    'base',
    'ir',
    'design',
    'plan',
    'kernel',
    'approval',
    'planner',
    'provenance',
    'engines',
    'conformance',
    'ui',
  ],
};
const EXEMPT = ['main.ts', 'index.ts', 'version.ts'];
/** No clock, no randomness, no environment, nothing of Node; of npm only what is named. */
const PURE: Readonly<Record<string, readonly string[]>> = { base: [], ir: ['zod'], design: [], kernel: [] };

/** Static, re-exporting, dynamic and type-only imports. */
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)(['"])([^'"]+)\1/gm;

function importsIn(text: string): string[] {
  // Comments may quote what they like; a string that looks like an import does not occur outside of tests.
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(IMPORT)].map((match) => match[2]!);
}

interface Import {
  readonly file: string;
  readonly from: string;
  readonly specifier: string;
  /** Folder of `src` that it leads to; null for a package. */
  readonly to: string | null;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
const imports: Import[] = files.flatMap((file) =>
  importsIn(readFileSync(join(SRC, file), 'utf8')).map((specifier) => importOf(file, specifier)),
);

function importOf(file: string, specifier: string): Import {
  const to = specifier.startsWith('.') ? normalize(join(dirname(file), specifier)).split('/')[0]! : null;
  return { file, from: file.split('/')[0]!, specifier, to };
}

function forbidden({ from, to }: Import): boolean {
  if (EXEMPT.includes(from) || to === null || to === from || to === 'version.ts') return false;
  return !(MAY_IMPORT[from] ?? []).includes(to);
}

function impure({ from, to, specifier }: Import): boolean {
  const allowed = PURE[from];
  return allowed !== undefined && to === null && !allowed.includes(specifier);
}

const shown = ({ file, specifier }: Import) => `${file}: ${specifier}`;

describe('who imports whom', () => {
  test('every folder is in the table, and there are imports to look at', () => {
    const folders = new Set(files.map((file) => file.split('/')[0]!));
    expect([...folders].filter((folder) => !EXEMPT.includes(folder) && MAY_IMPORT[folder] === undefined)).toEqual([]);
    expect(imports.length).toBeGreaterThan(300);
  });

  test('the table is kept', () => {
    expect(imports.filter(forbidden).map(shown)).toEqual([]);
  });

  test('the pure folders import nothing of Node, and of npm only zod', () => {
    expect(imports.filter(impure).map(shown)).toEqual([]);
  });

  test('relative imports name their file, so that Node and every bundler find the same one', () => {
    const bare = imports.filter(({ specifier, to }) => to !== null && !/\.(tsx?|json)$/.test(specifier));
    expect(bare.map(shown)).toEqual([]);
  });

  test('the guards bite', () => {
    const text = `
      import { a } from '../ui/a.ts';
      import type { B } from "../planner/b.ts";
      export * from '../engines/c.ts';
      import '../adapters/d.ts';
      const e = await import('../commands/e.ts');
      import {
        f,
      } from 'node:fs';
      // import { g } from '../ui/g.ts';
      /* import { h } from '../ui/h.ts'; */`;
    const found = importsIn(text).map((specifier) => importOf('kernel/x.ts', specifier));
    expect(found.filter(forbidden).map(({ to }) => to)).toEqual(['ui', 'planner', 'engines', 'adapters', 'commands']);
    expect(found.filter(impure).map(({ specifier }) => specifier)).toEqual(['node:fs']);
    expect(forbidden(importOf('planner/x.ts', '../engines/ports.ts'))).toBe(true);
    expect(forbidden(importOf('ui/x.tsx', '../main.ts'))).toBe(true);
  });
});
