import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededDice } from '../kernel/driver.ts';
import type { Campaign } from './campaign.ts';
import type { CrashTemplate } from './project.ts';
import { type EndedProcess, Scenario, type Started } from './scenario.ts';

const LOOK_MS = 5;
/** Calls of the world's tools that leave nothing behind. */
const PURE = ['wait', 'fetch', 'weigh'];
const SIDES = ['before', 'during', 'after'] as const;

/** The code of the error that a command with `--json` ended with; null where it ended with none. */
export function codeOf({ stdout }: EndedProcess): string | null {
  try {
    return (JSON.parse(stdout) as { error?: { code: string } }).error?.code ?? null;
  } catch {
    return null;
  }
}

/** How a round in which a process is stopped, and another one takes its run, went. */
export interface Fenced {
  /** Where it was stopped, `31 after journal.append`; null where it ended before. */
  readonly stopped_at: string | null;
  /** What a process of the same machine was told while the first one stood still, and one of another machine that did not insist. */
  readonly refusals: readonly (string | null)[];
  /** How the first one ended once it went on. */
  readonly first: string | null;
  /** Calls, other than pure ones, that it has sent after its run was taken: their intents were durable before. */
  readonly sent_late: readonly string[];
  readonly problems: readonly string[];
}

/**
 * Stops a process at an operation that the seed chooses, as a laptop that is closed does; takes its run over from what seems another
 * machine, performs it to its end, and lets the first process go on.
 */
export async function fencedRound(template: CrashTemplate, campaign: Campaign, seed: number): Promise<Fenced> {
  const random = seededDice(seed);
  const scenario = new Scenario(template);
  const { begun_at, operations } = campaign;
  const at = begun_at + Math.floor((operations - begun_at) * random());
  const side = SIDES[Math.floor(random() * SIDES.length)]!;
  const first = scenario.start('run', { flags: ['--json'], signals: `${at} ${side} SIGSTOP` });
  if (!(await standsStill(first))) return { ...NOT_STOPPED, ...(await campaign.conclude(scenario)) };
  const stopped_at = first.traced().trim();
  const begun = (await scenario.rows()).length > 0 && !(await scenario.hasEnded());
  const elsewhere = { machine: 'another machine' };
  const refusals = begun ? await refusalsOf(scenario, elsewhere) : [];
  if (begun) await scenario.start('resume', { flags: ['--take-over', '--json'], facts: elsewhere }).ended;
  const before = sentBy(scenario, first).length;
  first.child.kill('SIGCONT');
  const end = await first.ended;
  const sent_late = sentBy(scenario, first).slice(before);
  const problems = [...(await risesOnly(scenario)), ...(await campaign.conclude(scenario)).problems];
  return { stopped_at, refusals, first: codeOf(end), sent_late: begun ? sent_late : [], problems };
}

const NOT_STOPPED = { stopped_at: null, refusals: [], first: null, sent_late: [] };

async function refusalsOf(scenario: Scenario, elsewhere: { machine: string }): Promise<(string | null)[]> {
  const here = await scenario.start('resume', { flags: ['--take-over', '--json'] }).ended;
  const there = await scenario.start('resume', { flags: ['--json'], facts: elsewhere }).ended;
  return [codeOf(here), codeOf(there)];
}

function sentBy(scenario: Scenario, { child }: Started): string[] {
  return scenario
    .ledgerLines()
    .flatMap(({ sent, by }) => (sent !== undefined && by === child.pid && !PURE.includes(sent) ? [sent] : []));
}

/**
 * What a round shows of the look at the lease before a call. One that stood still behind that look, with the call in its hands, sends it;
 * one that stood still before it, while its intent was written, does not.
 */
export function sentUnlooked({ stopped_at, sent_late }: Fenced): readonly string[] {
  return stopped_at?.includes('journal.append') === true ? sent_late : sent_late.slice(1);
}

/** Nobody writes under a lease that was taken: in the order of the journal, fences only rise. */
async function risesOnly(scenario: Scenario): Promise<string[]> {
  const fences = (await scenario.rows()).map(({ fence }) => fence);
  return fences.some((fence, index) => fence < (fences[index - 1] ?? 0)) ? [`fences: ${fences.join(' ')}`] : [];
}

/** Waits until a process has stopped itself; false where it ended before that. */
async function standsStill({ child, traced }: Started): Promise<boolean> {
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    if (traced() !== '' && stateOf(child.pid!) === 'T') return true;
    await sleep(LOOK_MS);
  }
}

/** Source: proc(5): behind the name in parentheses, the state; T is stopped. */
function stateOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2)[0] ?? '';
  } catch {
    return '';
  }
}
