import { constants } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Campaign } from '../crash-points/campaign.ts';
import { CrashTemplate } from '../crash-points/project.ts';
import { type EndedProcess, processesIn, Scenario } from '../crash-points/scenario.ts';

let template: CrashTemplate;
let campaign: Campaign;
beforeAll(async () => {
  template = await CrashTemplate.of({ rounds: 1, points: 1 });
  campaign = await Campaign.of(template);
});
afterAll(() => template.remove());

interface Signalled {
  readonly where: string;
  readonly end: EndedProcess;
  /** What the run had come to when the process ended; null where it had not begun. */
  readonly state: 'finished' | 'paused' | 'open' | null;
  readonly left: readonly string[];
  readonly said: readonly string[];
  readonly problems: readonly string[];
}

/** Sends signals to a run, each at its operation; then goes on with the run, and looks at what it came to. */
async function signalled(signals: string): Promise<Signalled> {
  const scenario = new Scenario(template);
  const { ended, traced } = scenario.start('run', { flags: [], signals });
  const end = await ended;
  const left = processesIn(scenario.folder);
  const state = stateOf((await scenario.rows()).map(({ type }) => type));
  const { said, problems } = await campaign.conclude(scenario);
  return { where: traced(), end, state, left, said, problems };
}

function stateOf(types: readonly string[]): Signalled['state'] {
  if (types.length === 0) return null;
  if (types.includes('run.finished')) return 'finished';
  return types.includes('run.paused') ? 'paused' : 'open';
}

/** At every operation from shortly before the run begins, two at a time. */
async function everywhere(signalsAt: (at: number) => string): Promise<Signalled[]> {
  const from = campaign.begun_at - 3;
  const points = Array.from({ length: campaign.operations - from }, (_, index) => from + index + 1);
  const results: Signalled[] = [];
  const worker = async (): Promise<void> => {
    for (let at = points.shift(); at !== undefined; at = points.shift()) results.push(await signalled(signalsAt(at)));
  };
  await Promise.all([worker(), worker()]);
  return results;
}

/** What holds wherever the signal came. Before the run begins, and once it has ended, a signal ends the process as any other. */
function expectSound(results: readonly Signalled[]): Signalled[] {
  for (const { where, left, problems, end, state } of results) {
    expect(problems, where).toEqual([]);
    expect(left, where).toEqual([]);
    expect(end.stderr, where).not.toContain('INTERNAL');
    if (state === null) expect(end.status, where).toBe(null);
    if (state === 'finished') expect([0, null], where).toContain(end.status);
  }
  return results.filter(({ state }) => state === 'paused' || state === 'open');
}

describe('one signal at every operation: what is out is waited for, and the run goes on later', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ])('%s', async (signal, status) => {
    const interrupted = expectSound(await everywhere((at) => `${at} during ${signal}`));
    expect(interrupted.length).toBeGreaterThan(15);
    for (const { where, end, state, said } of interrupted) {
      expect({ status: end.status, state, said }, where).toEqual({ status, state: 'paused', said: [] });
    }
  });
});

describe('two signals at every operation: it ends now, and the run goes on later', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('%s', async (signal, status) => {
    const signals = (at: number): string => `${at} before ${signal}, ${at} during ${signal}`;
    const interrupted = expectSound(await everywhere(signals));
    expect(interrupted.length).toBeGreaterThan(15);
    for (const { where, end } of interrupted) expect(end.status, where).toBe(status);
  });
});

/** Starts a program on a terminal of its own; closes it when it gets a line; then says how the program ended. */
const TERMINAL = `
import os, pty, select, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
while terminal in select.select([terminal, 0], [], [])[0]:
    os.read(terminal, 65536)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

test('a terminal that is closed while a call is out that cannot be sent twice: its end is waited for', async () => {
  const scenario = new Scenario(template);
  scenario.hold('hold-burn');
  const { child, ended } = scenario.start('run', { flags: [], through: ['python3', '-c', TERMINAL] });
  await scenario.until(() => Object.keys(scenario.ledger('did', 'burn')).length > 0);
  // The program, the server and the call that is out: what is looked for everywhere can be found.
  expect(processesIn(scenario.folder).length).toBeGreaterThanOrEqual(3);
  child.stdin!.end('close\n');
  await scenario.until(async () => stateOf((await scenario.rows()).map(({ type }) => type)) === 'paused');
  scenario.letGo('hold-burn');
  expect((await ended).stdout.trim()).toBe(String(-constants.signals.SIGHUP));
  expect(await campaign.conclude(scenario)).toEqual({ said: [], problems: [] });
});
