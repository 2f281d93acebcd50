import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lockBeam } from '../ui/review/beam.ts';
import { TmuxTerminal } from './tmux.ts';

/*
 * The built program in a real terminal. The terminal must be as it was before, whatever happens; and only what a person decided may
 * be on the disk afterwards.
 */

const EXPCTL = fileURLToPath(new URL('../../bin/expctl.js', import.meta.url));
const locked = lockBeam();
const PHRASE = `approve ${locked.lock_sha256.slice(0, 8)}`;
const root = mkdtempSync(join(tmpdir(), 'expctl-review-'));
const project = join(root, 'project');
const KEY = join(root, 'operator', 'alice.key');
const TRUST = join(root, 'operator', 'trust.json');
/** Whether the terminal gives lines and echoes, as before. */
const MODES = "stty -a | tr ' ' '\\n' | grep -x -e -*icanon -e -*echo";
const ESC = '\u001b';
const NO_CI = 'env -u CI -u CONTINUOUS_INTEGRATION -u NO_COLOR';
let terminal: TmuxTerminal;

/** Standard output of the program, run without a terminal. */
function expctl(...args: string[]): string {
  const env = { ...process.env, HOME: root };
  return execFileSync(process.execPath, [EXPCTL, ...args], { cwd: project, env, encoding: 'utf8', stdio: 'pipe' });
}

beforeAll(() => {
  mkdirSync(join(root, 'operator'), { recursive: true });
  mkdirSync(project);
  expctl('keys', 'new', KEY);
  expctl('trust', 'init', '--person', 'alice', '--key', `${KEY}.pub`, '--solo', '-o', TRUST);
});

beforeEach(() => {
  mkdirSync(join(project, 'plans', 'beam.designs'), { recursive: true });
  writeFileSync(join(project, 'tools.yaml'), 'tools: {}\n');
  writeFileSync(join(project, 'plans', 'beam.lock.json'), locked.bytes);
  for (const [sha256, text] of locked.table_texts)
    writeFileSync(join(project, 'plans', 'beam.designs', `${sha256}.json`), text);
});

afterEach(() => {
  terminal.close();
  rmSync(project, { recursive: true, force: true });
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Start {
  readonly flags?: string;
  /** Variables, as `NAME=VALUE`. */
  readonly settings?: string;
  /** What the shell does with the command. */
  readonly script?: (command: string) => string;
}

async function start(
  columns: number,
  rows: number,
  { flags, settings = '', script = ended }: Start = {},
): Promise<void> {
  const given = flags ?? `--key ${KEY} --trust ${TRUST}`;
  const command = `${NO_CI} ${settings} ${process.execPath} ${EXPCTL} review plans/beam.lock.json ${given}`;
  terminal = new TmuxTerminal({
    columns,
    rows,
    cwd: project,
    env: { HOME: root, TERM: 'screen-256color', LANG: 'C.UTF-8' },
    script: script(command),
  });
  await terminal.until('row 1 of');
}

function ended(command: string): string {
  return `echo before; ${command}; echo EXIT $?; ${MODES}`;
}

/** Waits for the end, and checks that the terminal is as it was. */
async function endsWith(status: number): Promise<string> {
  const screen = await terminal.until((text) => text.includes('EXIT') && text.trimEnd().endsWith('echo'));
  expect(screen).toContain(`EXIT ${status}\n`);
  expect(screen).toContain('before\n');
  expect(screen).not.toContain('[Summary]');
  expect(screen).toContain('\nicanon\necho\n');
  expect([terminal.fact('alternate_on'), terminal.fact('cursor_flag'), terminal.fact('wrap_flag')]).toEqual([
    '0',
    '1',
    '1',
  ]);
  return screen;
}

/** The stream never wipes the scrollback, never scrolls, and never writes below the last line but one. */
function checkStream(rows: number): void {
  const bytes = terminal.bytes();
  expect(bytes).not.toContain('\u001b[3J');
  const [, ...screens] = bytes.split('\u001b[?1049h');
  expect(screens.length).toBeGreaterThan(0);
  for (const screen of screens) {
    const [drawn = ''] = screen.split('\u001b[?1049l');
    expect(drawn).not.toContain('\n');
    const lines = [...drawn.matchAll(new RegExp(`${ESC}\\[(\\d+);1H`, 'g'))].map((match) => Number(match[1]));
    expect(lines.length).toBeGreaterThan(0);
    expect(Math.max(...lines)).toBeLessThanOrEqual(rows - 1);
  }
}

/** What was decided: the statements in the envelopes. */
function decisions(): { decision: string; comment: string; displayed: { sha256: string; renderer: string } }[] {
  const approvals = join(project, 'approvals');
  if (!existsSync(approvals)) return [];
  return readdirSync(approvals).flatMap((folder) => {
    const names = readdirSync(join(approvals, folder)).filter((name) => name.endsWith('.dsse.json'));
    return names.map((name) => {
      const envelope = JSON.parse(readFileSync(join(approvals, folder, name), 'utf8')) as { payload: string };
      return JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8')).predicate;
    });
  });
}

describe.each([
  [80, 24],
  [40, 10],
])('at %i x %i', (columns, rows) => {
  test('approve: only the phrase with the digest signs, and what is signed is the plain text', async () => {
    const plain = expctl('review', 'plans/beam.lock.json', '--plain', '--trust', TRUST);
    await start(columns, rows);
    terminal.keys('a');
    await terminal.until('(self-approved)');
    terminal.type('approve 00000000');
    terminal.keys('Enter');
    await terminal.until('That is not');
    terminal.keys('C-u');
    terminal.type(PHRASE);
    await terminal.until(`> ${PHRASE}_`);
    expect(decisions()).toEqual([]);
    terminal.keys('Enter');
    const screen = await endsWith(0);
    expect(screen.replaceAll('\n', '')).toContain('Approved by alice, self-approved: approvals/beam-');
    expect(screen).toContain('Next: expctl run plans/beam.lock.json');
    const sha256 = createHash('sha256').update(plain).digest('hex');
    expect(decisions()).toMatchObject([{ decision: 'approve', displayed: { sha256, renderer: 'expctl-review/1' } }]);
    checkStream(rows);
    expect(expctl('verify', 'plans/beam.lock.json', '--trust', TRUST)).toContain('alice');
  });

  test('reject, with a reason', async () => {
    await start(columns, rows);
    terminal.keys('r');
    await terminal.until('Give the reason');
    terminal.keys('Enter');
    await terminal.until('A rejection needs a reason.');
    terminal.type('too coarse');
    terminal.keys('Enter');
    await terminal.until('Press enter again');
    expect(decisions()).toEqual([]);
    terminal.keys('Enter');
    expect(await endsWith(0)).toContain('Rejected by alice');
    expect(decisions()).toMatchObject([{ decision: 'reject', comment: 'too coarse' }]);
    checkStream(rows);
  });

  test('search, resize, quit: nothing is recorded', async () => {
    await start(columns, rows);
    terminal.type('/mesh.generate');
    await terminal.until('/mesh.generate_');
    terminal.keys('Enter');
    const found = await terminal.until('match 1 of 2');
    expect(found).toMatch(/^>.*mesh: beam\/mesh\.generate/m);
    terminal.resize(columns + 20, rows + 6);
    const larger = await terminal.until((text) => text.trimEnd().split('\n').length === rows + 5);
    expect(larger).toMatch(/^>.*mesh: beam\/mesh\.generate/m);
    terminal.resize(columns, rows);
    await terminal.until((text) => text.trimEnd().split('\n').length === rows - 1);
    terminal.keys('q');
    expect(await endsWith(0)).toContain('Nothing was recorded.');
    expect(decisions()).toEqual([]);
    checkStream(rows + 6);
  });

  test('ctrl-c leaves without recording, also while something is typed', async () => {
    await start(columns, rows);
    terminal.keys('a');
    await terminal.until('> _');
    terminal.type(PHRASE);
    await terminal.until(`${PHRASE}_`);
    terminal.keys('C-c');
    await endsWith(130);
    expect(decisions()).toEqual([]);
    checkStream(rows);
  });

  test('SIGTERM from outside', async () => {
    await start(columns, rows);
    process.kill(terminal.childPid(), 'SIGTERM');
    await endsWith(143);
    expect(decisions()).toEqual([]);
    checkStream(rows);
  });
});

test('every pane at 40 x 10, with every row opened and folded, fits', async () => {
  await start(40, 10);
  for (const title of ['Changes', 'Variables', 'Points', 'Steps', 'Study', 'Tools', 'Notes', 'Summary']) {
    terminal.keys('Tab');
    await terminal.until(`[${title}]`);
    terminal.keys('G');
    await terminal.until((text) => /row (\d+) of \1\b/.test(text));
    terminal.keys('z', 'z', 'g');
    await terminal.until((text) => text.includes('row 1 of') && text.trimEnd().split('\n').length === 9);
  }
  terminal.keys('q');
  await endsWith(0);
  checkStream(10);
});

test('SIGINT from outside', async () => {
  await start(80, 24);
  process.kill(terminal.childPid(), 'SIGINT');
  await endsWith(130);
  expect(decisions()).toEqual([]);
});

test('SIGTSTP gives the terminal back, SIGCONT draws the screen again', async () => {
  await start(80, 24);
  const pid = terminal.childPid();
  process.kill(pid, 'SIGTSTP');
  await terminal.until('before');
  expect(terminal.fact('alternate_on')).toBe('0');
  process.kill(pid, 'SIGCONT');
  await terminal.until('[Summary]');
  terminal.keys('Tab');
  await terminal.until('[Changes]');
  terminal.keys('q');
  await endsWith(0);
  checkStream(24);
});

test('ctrl-z stops the job, and the shell can bring it back', async () => {
  const script = (command: string): string =>
    `set -m; echo before; ${command}; echo STOPPED; read go; fg > /dev/null; echo EXIT $?; ${MODES}`;
  await start(80, 24, { script });
  terminal.keys('C-z');
  await terminal.until('STOPPED');
  expect(terminal.fact('alternate_on')).toBe('0');
  terminal.keys('Enter');
  await terminal.until('[Summary]');
  terminal.keys('q');
  await endsWith(0);
});

test('without a key the screen reviews, and says which flag is missing', async () => {
  await start(80, 24, { flags: `--trust ${TRUST}` });
  terminal.keys('a');
  expect(await terminal.until('--key')).toContain('EXPCTL_KEY');
  terminal.keys('Escape');
  await terminal.until('What will run');
  terminal.keys('q');
  await endsWith(0);
});

test('no colours with NO_COLOR, and colours without', async () => {
  const colour = (): boolean => new RegExp(`${ESC}\\[(?:[0-9;]*;)?3[0-7]m`).test(terminal.bytes());
  await start(80, 24, { settings: 'NO_COLOR=1' });
  terminal.keys('q');
  await endsWith(0);
  expect(colour()).toBe(false);
  terminal.close();
  await start(80, 24);
  terminal.keys('q');
  await endsWith(0);
  expect(colour()).toBe(true);
});

test('what is signed is what was read at the start, whatever becomes of the file', async () => {
  await start(80, 24);
  writeFileSync(join(project, 'plans', 'beam.lock.json'), '{}');
  terminal.keys('a');
  await terminal.until('> _');
  terminal.type(PHRASE);
  await terminal.until(`${PHRASE}_`);
  terminal.keys('Enter');
  await endsWith(0);
  const [folder] = readdirSync(join(project, 'approvals'));
  expect(readFileSync(join(project, 'approvals', folder!, 'lock.json'), 'utf8')).toBe(locked.bytes);
});

test('TERM=dumb and CI get the plain text', async () => {
  for (const setting of ['TERM=dumb', 'CI=1']) {
    terminal = new TmuxTerminal({
      columns: 100,
      rows: 24,
      cwd: project,
      env: { HOME: root, TERM: 'screen-256color' },
      script: `${NO_CI} ${setting} ${process.execPath} ${EXPCTL} review plans/beam.lock.json > out.txt; ${NO_CI} ${setting} ${process.execPath} ${EXPCTL} review plans/beam.lock.json; echo EXIT $?`,
    });
    await terminal.until('EXIT 0');
    expect(terminal.bytes()).not.toContain('\u001b[?1049h');
    expect(readFileSync(join(project, 'out.txt'), 'utf8')).toMatch(/^Review of beam\n/);
    if (setting === 'TERM=dumb') terminal.close();
  }
});
