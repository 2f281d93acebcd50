import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { join, relative } from 'node:path';
import { openReader } from '../../src/adapters/sqlite/reader.ts';
import { runProgram } from '../../src/commands/program.ts';
import { PLAN_FILE } from '../square-plan.ts';
import { chapters, type CommandEnded, type ProfileName, storyApp } from './story.ts';

/*
 * `child.ts ROOT PROFILE FROM TO`: the process that is recorded. Tells the chapters of the story from one up to another; says on standard
 * output, at once, what its commands say there (the events of runs, once they are durable), and after each command what a person can
 * rely on from then on. Ends with 1 when a command does not end as it should.
 */
const [root, profile, from, to] = process.argv.slice(2) as [string, ProfileName, string, string];

for (const [index, chapter] of chapters(root).entries()) {
  if (index < Number(from) || index >= Number(to)) continue;
  if (typeof chapter === 'function') {
    chapter();
    continue;
  }
  const [first, expected] = chapter;
  const args = await continued(first);
  const status = await perform(args);
  const good = status === expected;
  const ended: CommandEnded = { ended: args.join(' '), chapter: index, status, good, files: digestsOf(root) };
  writeSync(1, `${JSON.stringify(ended)}\n`);
  if (!good) process.exit(1);
}

/** A run that began, in a process that is gone, is gone on with. */
async function continued(args: readonly string[]): Promise<readonly string[]> {
  const [command, , , run] = args;
  if (command !== 'run') return args;
  const reader = openReader(join(root, 'project', '.expctl'));
  if (!reader.ok) return args;
  const begun = (await reader.value.runs()).some((row) => row.run === run);
  await reader.value.close();
  return begun ? ['resume', run!, ...args.slice(4)] : args;
}

async function perform(args: readonly string[]): Promise<number> {
  const app = storyApp(root, profile, (text) => writeSync(1, `${text.trimEnd()}\n`), true);
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
