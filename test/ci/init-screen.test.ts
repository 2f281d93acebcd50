import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { makeProject, type TestProject } from '../commands/support.ts';

/** The interview at a real terminal: a person at tmux, who sees what is on the screen and presses keys. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let project: TestProject;
let socket: string;

afterEach(() => {
  tmux('kill-server');
  project.remove();
});

function tmux(...args: string[]): string {
  return execFileSync('tmux', ['-L', socket, '-f', '/dev/null', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function start(columns: number): void {
  project = makeProject();
  socket = `expctl-init-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const argv = [
    process.execPath,
    '--import',
    import.meta.resolve('tsx'),
    join(ROOT, 'src/main.ts'),
    'init',
    '--save-answers',
    'all.yaml',
  ];
  const command = `env -u CI TERM=xterm-256color HOME='${project.home}' ${argv.map((arg) => `'${arg}'`).join(' ')}; echo "ended with $?"; exec cat`;
  tmux('new-session', '-d', '-x', String(columns), '-y', '40', '-c', project.project, command);
}

/** Waits until the text stands on the screen; fails with the screen. */
async function shows(text: string | RegExp): Promise<string> {
  const until = Date.now() + 30_000;
  for (;;) {
    const screen = tmux('capture-pane', '-p', '-J');
    if (typeof text === 'string' ? screen.includes(text) : text.test(screen)) return screen;
    if (Date.now() > until) throw new Error(`${String(text)} did not come:\n${screen}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function press(...keys: string[]): void {
  tmux('send-keys', ...keys);
}

/** Waits for the question, types the text over nothing, and confirms. */
async function answer(question: string, text: string): Promise<void> {
  await shows(`? ${question}`);
  if (text !== '') press('-l', text);
  press('Enter');
}

test('a person answers, and the plan is written', async () => {
  start(160);
  await answer('Name of the plan?', 'tip');
  await answer('What is the experiment for?', 'Lightest cantilever');
  await shows('Which call comes first?');
  press('Enter'); // the first call: cad.modify
  await answer('Name of the step', '');
  for (const [path, name, least, most] of [
    ['b', 'width', '5', '20'],
    ['h', 'height', '8', '30'],
  ] as const) {
    await answer(`Where does params.${path}`, ''); // a new variable
    await answer('Name of the variable?', name);
    await answer(`What kind of variable is ${name}?`, '');
    await answer(`Unit of ${name}?`, '');
    await answer(`Least value of ${name}?`, 'x'); // refused
    await shows('Write a number');
    press('BSpace', least, 'Enter');
    await answer(`Greatest value of ${name}?`, most);
  }
  await answer('Where does params.L', '');
  await answer('Name of the variable?', 'length');
  await answer('What kind of variable is length?', '');
  await answer('Unit of length?', '');
  await answer('Least value of length?', '100');
  await answer('Greatest value of length?', '200');
  await answer('Which call comes next?', ''); // no more
  await answer('Which numbers are kept', ''); // the volume
  await answer('Name of the metric', 'volume');
  await answer('Unit of volume?', '');
  await answer('Least believable value', '');
  await answer('Another number', '');
  await shows('What should volume be?');
  press('Down', 'Enter'); // as small as possible
  await answer('A condition on volume', '');
  await answer('A condition on width', '');
  await answer('How are points chosen?', '');
  await answer('How many points?', '');
  await answer('Seed of', '');
  await answer('Which steps hold', '');
  await shows('ended with 0');
  const plan = readFileSync(join(project.project, 'tip.plan.yaml'), 'utf8');
  expect(plan).toContain('objectives:\n  - { minimize: volume }');
  expect(plan).toContain('height: { type: real, unit: mm, min: 8, max: 30 }');
  expect(existsSync(join(project.project, 'all.yaml'))).toBe(true);
  const checked = await project.run(['check', 'tip.plan.yaml']);
  expect(checked.status).toBe(0);
}, 120_000);

test('Ctrl-C leaves with 130 and nothing is written', async () => {
  start(80);
  await answer('Name of the plan?', 'tip');
  await shows('What is the experiment for?');
  press('C-c');
  const screen = await shows('ended with 130');
  expect(screen).toContain('Left; nothing was written.');
  expect(existsSync(join(project.project, 'tip.plan.yaml'))).toBe(false);
}, 60_000);
