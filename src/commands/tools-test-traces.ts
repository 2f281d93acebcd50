import { isAbsolute, join, resolve } from 'node:path';
import { unwrap } from '../base/result.ts';
import type { Traces } from '../conformance/count.ts';
import type { App } from './app.ts';

/** What effects leave on disk; relative paths count from the project folder. */
export function tracesOf(app: App, project: string): Traces {
  return {
    files: async (pattern) => (await filesNamed(app, isAbsolute(pattern) ? pattern : join(project, pattern))).length,
    lines: async (path) => {
      const file = resolve(project, path);
      if (!(await app.files.exists(file))) return 0;
      const text = new TextDecoder().decode(unwrap(await app.files.read(file)));
      return text.split('\n').filter((line) => line.trim() !== '').length;
    },
  };
}

/** Paths of a pattern, absolute; `*` stands for anything within one name. */
async function filesNamed(app: App, pattern: string): Promise<string[]> {
  let folders = ['/'];
  const names = resolve(pattern)
    .split('/')
    .filter((name) => name !== '');
  for (const name of names) folders = (await Promise.all(folders.map((folder) => matching(app, folder, name)))).flat();
  return folders;
}

async function matching(app: App, folder: string, name: string): Promise<string[]> {
  if (!name.includes('*')) {
    const path = join(folder, name);
    return (await app.files.exists(path)) ? [path] : [];
  }
  const parts = name.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`^${parts.join('.*')}$`, 's');
  return (await app.files.list(folder)).filter((found) => pattern.test(found)).map((found) => join(folder, found));
}
