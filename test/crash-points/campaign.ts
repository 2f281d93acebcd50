import type { CrashTemplate } from './project.ts';
import { type Kill, type PointOutcome, Scenario, type ScenarioOptions } from './scenario.ts';
import { pointStream } from '../../src/ir/events.ts';
import { seededDice } from '../kernel/driver.ts';
import { isLeft, STATUSES_OF_UNKNOWN, unknownSteps } from './unknown.ts';

/** Scenarios that go on at the same time: as many as a small machine has cores. */
const WIDTH = 2;
const BY_KEY = ['w/make', 'w/submit'];
const ONCE = 'p/burn';

const SIDES = ['before', 'during', 'after'] as const;

/** How one scenario went. */
export interface Outcome {
  readonly kills: readonly Kill[];
  /** By kill, the operation at which it fell; null where the process had ended before. */
  readonly fell_at: readonly (string | null)[];
  /** Steps of which nobody knows whether they happened, `point/1/burn_0`. */
  readonly unknown: readonly string[];
  /** What is not as it has to be; empty where everything is. */
  readonly problems: readonly string[];
}

/** A plan, what an undisturbed run of it comes to, and how many operations that takes. */
export class Campaign {
  readonly #template: CrashTemplate;
  readonly #options: ScenarioOptions;
  #expected: Record<number, PointOutcome> = {};
  /** Operations of an undisturbed process. */
  operations = 0;

  static async of(template: CrashTemplate, options: ScenarioOptions = {}): Promise<Campaign> {
    const campaign = new Campaign(template, options);
    await campaign.#performUndisturbed();
    return campaign;
  }

  private constructor(template: CrashTemplate, options: ScenarioOptions) {
    this.#template = template;
    this.#options = options;
  }

  async #performUndisturbed(): Promise<void> {
    const scenario = new Scenario(this.#template, { ...this.#options, planted: undefined });
    const { operations } = await scenario.perform(null);
    this.#expected = await scenario.outcomes();
    this.operations = operations;
    const problems = await this.#problemsOf(scenario, []);
    if (problems.length > 0) throw new Error(`the undisturbed run: ${problems.join('\n')}`);
    scenario.remove();
  }

  /** A kill at every operation, on each of the sides. */
  everyKill(sides: readonly Kill['side'][]): Kill[][] {
    const points = Array.from({ length: this.operations }, (_, index) => index + 1);
    return points.flatMap((at) => sides.map((side) => [{ at, side }]));
  }

  /** Performs all scenarios, some at the same time. */
  perform(scenarios: readonly (readonly Kill[])[]): Promise<Outcome[]> {
    return inParallel(scenarios, (kills) => this.#performOne(kills));
  }

  /** Performs scenarios until one shows that something is wrong; null where none does. */
  async firstFailure(scenarios: readonly (readonly Kill[])[]): Promise<string | null> {
    let found: string | null = null;
    await inParallel(scenarios, async (kills) => {
      if (found === null) found = failuresOf([await this.#performOne(kills)])[0] ?? found;
    });
    return found;
  }

  /**
   * Performs so many scenarios in which a process is killed, then the one that goes on with the run, and so on, `depth` times; a seed
   * chooses where. One whose run has ended before all kills fell does not count, and is tried anew.
   */
  nested(count: number, depth: number, seed: number): Promise<Outcome[]> {
    const seeds = Array.from({ length: count }, (_, index) => seed * 1_000_003 + index);
    return inParallel(seeds, async (of_one) => {
      const random = seededDice(of_one);
      for (;;) {
        const outcome = await this.#performOne(this.#chooseKills(depth, random));
        const fell = outcome.fell_at.filter((name) => name !== null).length;
        if (fell === depth || outcome.problems.length > 0) return outcome;
      }
    });
  }

  /** More often late than early: before a run begins there is little to spoil. What is left for the next process is shorter. */
  #chooseKills(depth: number, random: () => number): Kill[] {
    return Array.from({ length: depth }, (_, level) => ({
      at: 1 + Math.floor(Math.sqrt(random()) * this.operations * 0.85 ** level),
      side: SIDES[Math.floor(random() * SIDES.length)]!,
    }));
  }

  /** The run, a new process behind each kill, until it ends; then a look at everything that it left. */
  async #performOne(kills: readonly Kill[]): Promise<Outcome> {
    const scenario = new Scenario(this.#template, this.#options);
    const fell_at: (string | null)[] = [];
    for (const kill of [...kills, null]) {
      // A run that has ended, whatever became of the process afterwards, is not gone on with.
      if (fell_at.at(-1) === null || (await scenario.hasEnded())) break;
      const { killed_at } = await scenario.perform(kill);
      if (kill !== null) fell_at.push(killed_at);
    }
    return { kills, fell_at, ...(await this.conclude(scenario)) };
  }

  /** Looks at everything that the processes of a scenario have left, and removes it where nothing is wrong. */
  async conclude(scenario: Scenario): Promise<Pick<Outcome, 'unknown' | 'problems'>> {
    const unknown = await unknownSteps(scenario);
    const problems = await this.#problemsOf(scenario, unknown);
    if (problems.length === 0) scenario.remove();
    else if (this.#options.planted === undefined) this.#template.keep();
    return { unknown, problems };
  }

  async #problemsOf(scenario: Scenario, unknown: readonly string[]): Promise<string[]> {
    const problems: string[] = [];
    const leftover = await scenario.leftover();
    if (leftover.length > 0) problems.push(`processes are left: ${leftover.join(', ')}`);
    const last = scenario.processes.at(-1);
    const statuses = unknown.length > 0 ? STATUSES_OF_UNKNOWN : [0];
    if (last !== undefined && !statuses.includes(last.status) && !(await scenario.hasEnded())) {
      problems.push(`the last process ended with ${last.status}: ${last.stderr}`);
    }
    const replay = await scenario.replay();
    if (replay.status !== 0) problems.push(`replay: ${replay.text}`);
    problems.push(...this.#wrongOutcomes(await scenario.outcomes(), unknown));
    for (const call of BY_KEY) problems.push(...(await wrongEffects(scenario, call, 1)));
    problems.push(...(await wrongEffects(scenario, ONCE, unknown.length > 0 ? 0 : 1)));
    for (const [effect, count] of Object.entries(scenario.ledger('sent', callName(ONCE)))) {
      if (count > 1) problems.push(`${ONCE} was sent ${count} times: ${effect}`);
    }
    return problems.length === 0 ? [] : [...problems, `kept in ${scenario.folder}`];
  }

  #wrongOutcomes(outcomes: Readonly<Record<number, PointOutcome>>, unknown: readonly string[]): string[] {
    const problems: string[] = [];
    for (const [point, expected] of Object.entries(this.#expected)) {
      const outcome = outcomes[Number(point)];
      const same = JSON.stringify(outcome) === JSON.stringify(expected);
      const waits = unknown.some((step) => step.startsWith(`${pointStream(Number(point))}/`));
      const excused =
        waits && outcome !== undefined && isLeft(outcome) && isPart(outcome.artifacts, expected.artifacts);
      if (!same && !excused)
        problems.push(`point ${point} came to ${JSON.stringify(outcome)}, not to ${JSON.stringify(expected)}`);
    }
    return problems;
  }
}

async function inParallel<T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index]!);
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  return results;
}

/**
 * Effects of a call that did not happen as often as they had to: once for each intent, or at least `least` times; and effects of
 * which the journal knows nothing.
 */
async function wrongEffects(scenario: Scenario, call: string, least: 0 | 1): Promise<string[]> {
  const did = scenario.ledger('did', callName(call));
  const intents = await scenario.intents(call);
  const problems: string[] = [];
  for (const intent of intents) {
    const count = did[intent] ?? 0;
    if (count < least || count > 1) problems.push(`${call} happened ${count} times: ${intent}`);
  }
  for (const effect of Object.keys(did)) {
    if (!intents.includes(effect)) problems.push(`${call} happened without an intent: ${effect}`);
  }
  if (new Set(intents).size < intents.length) problems.push(`${call} was intended twice`);
  return problems;
}

function callName(call: string): string {
  return call.slice(call.indexOf('/') + 1);
}

function isPart(some: PointOutcome['artifacts'], all: PointOutcome['artifacts']): boolean {
  return Object.entries(some).every(([step, files]) => JSON.stringify(files) === JSON.stringify(all[step]));
}

/** The scenarios of which something is wrong, as a person reads them. */
export function failuresOf(outcomes: readonly Outcome[]): string[] {
  return outcomes
    .filter(({ problems }) => problems.length > 0)
    .map(({ kills, fell_at, problems }) => {
      const where = kills.map(({ at, side }, index) => `${at} ${side} ${fell_at[index] ?? '-'}`);
      return `${where.join('; ')}\n  ${problems.join('\n  ')}`;
    });
}

/** How many scenarios there were, and how often each operation was the one at which a process was killed. */
export function figuresOf(outcomes: readonly Outcome[]): string {
  const fell = outcomes.flatMap(({ fell_at }) => fell_at.filter((name) => name !== null));
  const counts = new Map<string, number>();
  for (const name of fell) counts.set(name, (counts.get(name) ?? 0) + 1);
  const unknown = outcomes.filter((outcome) => outcome.unknown.length > 0).length;
  const operations = [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
  return `${outcomes.length} scenarios, ${fell.length} kills, ${unknown} with an unknown outcome\n${operations}`;
}
