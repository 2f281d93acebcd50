import type { CrashTemplate } from './project.ts';
import { type Kill, type PointOutcome, RUN, Scenario, type ScenarioOptions } from './scenario.ts';
import { seededDice } from '../kernel/driver.ts';
import { sayWhatBecame, WAITS } from './unknown.ts';

/** Scenarios that go on at the same time: as many as a small machine has cores. */
const WIDTH = 2;
const BY_KEY = ['w/make', 'w/submit'];
const ONCE = 'p/burn';

const SIDES = ['before', 'during', 'after'] as const;

/** How one scenario went. */
export interface Outcome {
  readonly kills: readonly Kill[];
  /** By kill, the operation at which it fell; the last ones are missing where the run had ended before. */
  readonly fell_at: readonly string[];
  /** What a person had to say of calls whose end nobody knew, `1/burn_0 done`. */
  readonly said: readonly string[];
  /** What is not as it has to be; empty where everything is. */
  readonly problems: readonly string[];
}

/** A plan, what an undisturbed run of it comes to, and how many operations that takes. */
export class Campaign {
  readonly #template: CrashTemplate;
  readonly #options: ScenarioOptions;
  #expected: Record<number, PointOutcome> = {};
  /** Operations of an undisturbed process, and the one with which the run begins. */
  operations = 0;
  begun_at = 0;

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
    const { operations, begun_at } = await scenario.perform(null);
    this.#expected = await scenario.outcomes();
    this.operations = operations;
    this.begun_at = begun_at;
    const problems = await this.#problemsOf(scenario);
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
        if (outcome.fell_at.length === depth || outcome.problems.length > 0) return outcome;
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
    const fell_at = await this.#performAll(scenario, kills);
    return { kills, fell_at, ...(await this.conclude(scenario)) };
  }

  /** A run that has ended, whatever became of the process afterwards, is not gone on with. */
  async #performAll(scenario: Scenario, kills: readonly Kill[]): Promise<string[]> {
    const fell_at: string[] = [];
    while (!(await scenario.hasEnded())) {
      const { killed_at, status } = await scenario.perform(kills[fell_at.length] ?? null);
      if (killed_at !== null) fell_at.push(killed_at);
      else if (status !== WAITS || (await this.#askPerson(scenario)) === 0) break;
    }
    return fell_at;
  }

  /** How many calls a person could say something of. */
  async #askPerson(scenario: Scenario): Promise<number> {
    const said = await sayWhatBecame(scenario);
    scenario.said.push(...said);
    return said.length;
  }

  /** Goes on with a run until it ends, looks at everything that its processes have left, and removes it where nothing is wrong. */
  async conclude(scenario: Scenario): Promise<Pick<Outcome, 'said' | 'problems'>> {
    await this.#performAll(scenario, []);
    const problems = await this.#problemsOf(scenario);
    if (problems.length === 0) scenario.remove();
    else if (this.#options.planted === undefined) this.#template.keep();
    return { said: scenario.said, problems };
  }

  async #problemsOf(scenario: Scenario): Promise<string[]> {
    const problems: string[] = [];
    const leftover = await scenario.leftover();
    if (leftover.length > 0) problems.push(`processes are left: ${leftover.join(', ')}`);
    const { status, stderr } = scenario.processes.at(-1) ?? { status: null, stderr: '' };
    if (!(await scenario.hasEnded())) problems.push(`the last process ended with ${status}: ${stderr}`);
    const replay = await scenario.command('replay', RUN, '--json');
    if (replay.status !== 0) problems.push(`replay: ${replay.text}`);
    problems.push(...this.#wrongOutcomes(await scenario.outcomes(), scenario.said));
    for (const call of [...BY_KEY, ONCE]) problems.push(...(await wrongEffects(scenario, call)));
    for (const [effect, count] of Object.entries(scenario.ledger('sent', callName(ONCE)))) {
      if (count > 1) problems.push(`${ONCE} was sent ${count} times: ${effect}`);
    }
    return problems.length === 0 ? [] : [...problems, `kept in ${scenario.folder}`];
  }

  #wrongOutcomes(outcomes: Readonly<Record<number, PointOutcome>>, said: readonly string[]): string[] {
    const problems: string[] = [];
    for (const [point, expected] of Object.entries(this.#expected)) {
      // A person says what a tool answered; the files that it made are not among that.
      const told = said.flatMap((words) =>
        words.startsWith(`${point}/`) ? [`${/\/(\S+)/.exec(words)![1]}.call`] : [],
      );
      const outcome = outcomes[Number(point)];
      const same = JSON.stringify(without(outcome, told)) === JSON.stringify(without(expected, told));
      if (!same) problems.push(`point ${point} came to ${JSON.stringify(outcome)}, not to ${JSON.stringify(expected)}`);
    }
    return problems;
  }
}

/** An outcome without the files of some steps. */
function without(outcome: PointOutcome | undefined, steps: readonly string[]): PointOutcome | undefined {
  if (outcome === undefined) return undefined;
  const artifacts = Object.entries(outcome.artifacts).filter(([step]) => !steps.includes(step));
  return { ...outcome, artifacts: Object.fromEntries(artifacts) };
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

/** Effects of a call that did not happen exactly once for each intent, and effects of which the journal knows nothing. */
async function wrongEffects(scenario: Scenario, call: string): Promise<string[]> {
  const did = scenario.ledger('did', callName(call));
  const intents = await scenario.intents(call);
  const wrong = intents.filter((intent) => did[intent] !== 1).map((intent) => `${did[intent] ?? 0} times: ${intent}`);
  const stray = Object.keys(did).filter((effect) => !intents.includes(effect));
  const twice = intents.filter((intent, index) => intents.indexOf(intent) < index);
  return [
    ...wrong.map((how) => `${call} happened ${how}`),
    ...stray.map((effect) => `${call} happened without an intent: ${effect}`),
    ...twice.map((intent) => `${call} was intended twice: ${intent}`),
  ];
}

function callName(call: string): string {
  return call.slice(call.indexOf('/') + 1);
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
  const fell = outcomes.flatMap(({ fell_at }) => fell_at);
  const counts = new Map<string, number>();
  for (const name of fell) counts.set(name, (counts.get(name) ?? 0) + 1);
  const asked = outcomes.filter(({ said }) => said.length > 0).length;
  const operations = [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
  return `${outcomes.length} scenarios, ${fell.length} kills, a person was asked in ${asked}\n${operations}`;
}
