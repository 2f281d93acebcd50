import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runProgram } from '../../src/commands/program.ts';
import { chapters, type CommandEnded, PLAN_FILE, type ProfileName, storyApp } from './story.ts';

/*
 * `child.ts ROOT PROFILE`: the process that is recorded. Tells the story; says on standard output, at once, what its commands say
 * there (the events of runs, once they are durable), and after each command what a person can rely on from then on.
 */
const [root, profile] = process.argv.slice(2) as [string, ProfileName];

for (const chapter of chapters(root)) {
  if (typeof chapter === 'function') {
    chapter();
    continue;
  }
  const [args, expected] = chapter;
  const status = await perform(args);
  const ended: CommandEnded = { ended: args.join(' '), status, files: digestsOf(root) };
  writeSync(1, `${JSON.stringify(ended)}\n`);
  if (status !== expected) process.exit(1);
}

async function perform(args: readonly string[]): Promise<number> {
  const app = storyApp(root, profile, (text) => writeSync(1, `${text.trimEnd()}\n`));
  let status = 0;
  const exit = (code: number): void => {
    status = code;
  };
  return (await runProgram(args, { ...app, exit })) ?? status;
}

/** Of all files outside of the store, the plan aside. */
function digestsOf(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes('.expctl/') && !path.endsWith(PLAN_FILE));
  return Object.fromEntries(
    paths.map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(folder, path)))
        .digest('hex'),
    ]),
  );
}
