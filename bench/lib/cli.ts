import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The built expctl: what is said of the command line is measured on what users start. */
export function builtCli(): string {
  const program = fileURLToPath(new URL('../../bin/expctl.js', import.meta.url));
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  if (!existsSync(main)) throw new Error('dist/ is missing: run `npm run build` first');
  return program;
}
