import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { unwrap } from '../base/result.ts';
import { durationText, medianOf, parseDuration } from '../engines/simulated/duration.ts';
import { simulateOnce, type SimulatedRun } from '../engines/simulated/simulate.ts';
import { type Decisions, skeletonOf } from '../engines/simulated/skeleton.ts';
import { summaryOf } from '../engines/simulated/summary.ts';
import type { DesignTable, Lock } from '../ir/lock.ts';
import { type AssumedDuration, type Simulation, simulationDocument } from '../ir/simulation.ts';
import { verifyTables } from '../plan/lock-file.ts';
import { plural, shownDuration } from '../ui/format.ts';
import { safeText } from '../ui/safe-text.ts';
import { simulationLines } from '../ui/simulation.ts';
import { styleFor } from '../ui/style.ts';
import type { App } from './app.ts';
import { printProblems, problemsDocument } from './check.ts';
import { lockOf } from './lock.ts';
import { readLock } from './locks.ts';
import {
  collect,
  command,
  integerAtLeast,
  type JsonOption,
  type StoreOption,
  usage,
  withExamples,
  withJson,
  withStore,
} from './options.ts';
import { hasErrors, readPlan } from './plan-input.ts';
import {
  assumedDurations,
  DURATION_HINT,
  durationsFile,
  namedValues,
  recordedDurations,
} from './simulate-durations.ts';
import { withReader } from './runs.ts';

interface SimulateOptions extends JsonOption, StoreOption {
  readonly env?: string;
  readonly duration?: readonly string[];
  readonly durations?: string;
  readonly fromRuns?: boolean;
  readonly fail?: readonly string[];
  readonly repeat?: number;
  readonly seed: number;
  readonly decisions: Decisions;
  readonly pools?: readonly string[];
  readonly inFlight?: number;
  readonly price?: readonly string[];
}

/** Runs of a simulation in which anything is drawn, where nobody says how many. */
const REPEAT = 100;

export function simulateCommand(app: App): Command {
  const simulate = command('simulate', 'say how long a plan takes, and what holds it up, without any tool')
    .argument('<plan>', 'plan or lock file')
    .option('--env <name>', 'environment, a file of the folder environments (default: local)')
    .option(
      '--duration <step=time>',
      'how long a step takes: 2h, lognormal(2h, 0.3), …; `others` is all that are not named',
      collect,
    )
    .option('--durations <file>', 'the same from a YAML or JSON file, `step: time`')
    .option('--from-runs', 'durations of the same calls in earlier runs of the store')
    .option('--fail <step=part>', 'part of the attempts of a step that fail, such as 0.05', collect)
    .option('--repeat <count>', `simulated runs (default: 1, or ${REPEAT} if anything is drawn)`, integerAtLeast(1))
    .option('--seed <number>', 'seed of what is drawn', integerAtLeast(0), 1)
    .addOption(
      new Option('--decisions <how>', 'worst: every loop as often as it may; first: the first rule; none: no loop')
        .choices(['worst', 'first', 'none'])
        .default('worst'),
    )
    .option('--pools <pool=tokens>', 'try another capacity', collect)
    .option('--in-flight <points>', 'try another number of points at once', integerAtLeast(1))
    .option('--price <pool=amount>', 'price of a token-hour, such as 120/h', collect)
    .action((path: string, options: SimulateOptions) => runSimulate(app, path, options));
  return withExamples(
    withJson(withStore(simulate)),
    'expctl simulate plans/beam.plan.yaml --duration solve=2h --duration others=1min',
    'expctl simulate beam.lock.json --duration "solve=lognormal(2h, 0.3)" --repeat 200',
    'expctl simulate plans/beam.plan.yaml --from-runs --in-flight 8',
  );
}

interface Input {
  readonly name: string;
  readonly lock: Lock;
  readonly tables: ReadonlyMap<string, DesignTable>;
}

async function runSimulate(app: App, path: string, options: SimulateOptions): Promise<void> {
  const input = /\.lock\.json$/.test(path) ? await readLock(app, path) : await fromPlan(app, path, options);
  if (input === null) return app.exit(2);
  const simulation = await simulate(app, input.lock, options);
  if (options.json === true) return app.terminal.out(JSON.stringify(simulationDocument(simulation), null, 2));
  const { colour, columns } = app.terminal;
  const view = {
    style: styleFor(colour.out),
    columns,
    durationText: (spec: AssumedDuration['spec']) => durationText(spec, shownDuration),
  };
  app.terminal.out(simulationLines(simulation, view).join('\n'));
  const next = /\.lock\.json$/.test(path) ? `expctl review ${safeText(path)}` : `expctl lock ${safeText(path)}`;
  app.terminal.note(`Next: ${next}`);
}

async function fromPlan(app: App, path: string, options: SimulateOptions): Promise<Input | null> {
  const input = await readPlan(app, path, options.env);
  if (hasErrors(input)) {
    if (options.json === true) app.terminal.out(problemsDocument(input));
    else printProblems(app, input);
    return null;
  }
  const { lock, tables } = lockOf(input);
  return { name: lock.name, lock, tables: unwrap(verifyTables(lock, (sha256) => tables.get(sha256))) };
}

async function simulate(app: App, lock: Lock, options: SimulateOptions): Promise<Simulation> {
  const { decisions, seed } = options;
  const pools = knownNames(
    'pools',
    namedValues('pools', options.pools ?? [], tokensIn, 'Write it as --pools POOL=TOKENS, with at least one token.'),
    Object.keys(lock.pools),
  );
  const prices = knownNames(
    'price',
    namedValues('price', options.price ?? [], priceIn, 'Write it as --price POOL=AMOUNT, of a token-hour.'),
    Object.keys(lock.pools),
  );
  const steps = lock.pipeline.map(({ name }) => name);
  const failures = knownNames(
    'fail',
    namedValues('fail', options.fail ?? [], partIn, 'Write it as --fail STEP=PART: 0.05 is one attempt of twenty.'),
    steps,
  );
  const durations = await durationsOf(app, lock, options);
  const skeleton = skeletonOf(lock, { decisions, pools, in_flight: options.inFlight ?? null });
  const drawn = Object.keys(failures).length > 0 || durations.some(({ spec }) => spec.kind !== 'constant');
  const repeat = options.repeat ?? (drawn ? REPEAT : 1);
  const runs: SimulatedRun[] = [];
  const specs = new Map(durations.map(({ part, spec }) => [part, spec]));
  for (let repetition = 0; repetition < repeat; repetition += 1) {
    runs.push(await simulateOnce(skeleton, { durations: specs, failures, seed, repetition }));
  }
  return {
    name: lock.name,
    repeat,
    seed,
    decisions,
    in_flight: skeleton.lock.in_flight,
    durations,
    failures,
    ...summaryOf(runs, skeleton.lock.pools, prices),
    warnings: durations.flatMap((duration) => tooLong(lock, duration)),
    assumptions: assumptionsOf(lock, skeleton.lock, options),
  };
}

async function durationsOf(app: App, lock: Lock, options: SimulateOptions): Promise<AssumedDuration[]> {
  const file = options.durations === undefined ? [] : await durationsFile(app, resolve(app.cwd, options.durations));
  const given = new Map([...file, ...namedValues('duration', options.duration ?? [], parseDuration, DURATION_HINT)]);
  const recorded =
    options.fromRuns === true ? await withReader(app, options, recordedDurations) : new Map<string, number[]>();
  return assumedDurations(lock, { given, recorded });
}

function knownNames(
  flag: string,
  given: ReadonlyMap<string, number>,
  known: readonly string[],
): Record<string, number> {
  const unknown = [...given.keys()].find((name) => !known.includes(name));
  if (unknown === undefined) return Object.fromEntries(given);
  const hint = known.length === 0 ? 'It has none.' : `It has ${known.join(', ')}.`;
  throw usage(`--${flag}: the plan has no ${flag === 'fail' ? 'step' : 'pool'} ${unknown}.`, hint);
}

function tokensIn(text: string): number {
  const tokens = Number(text);
  if (text === '' || !Number.isFinite(tokens) || tokens <= 0) throw new Error(`${text} is no number of tokens`);
  return tokens;
}

function partIn(text: string): number {
  const part = Number(text);
  if (text === '' || !(part >= 0 && part <= 1)) throw new Error(`${text} is not between 0 and 1`);
  return part;
}

/** Of a token-hour: `120/h`, `120`. */
function priceIn(text: string): number {
  const price = Number(text.replace(/\/h$/, ''));
  if (text === '' || !Number.isFinite(price) || price < 0) throw new Error(`${text} is no price such as 120/h`);
  return price;
}

/** What would fail by its time-out, at least in half of all attempts. */
function tooLong({ pipeline }: Lock, { part, spec }: AssumedDuration): string[] {
  const [name, of] = part.split('.') as [string, 'submit' | 'poll' | 'fetch' | undefined];
  const { call, job } = pipeline.find((step) => step.name === name)!;
  const timeout_s = (of === undefined ? call : job?.[of])?.timeout_s ?? Number.POSITIVE_INFINITY;
  const median_s = medianOf(spec);
  if (median_s <= timeout_s) return [];
  const [takes, allowed] = [shownDuration(median_s), shownDuration(timeout_s)];
  return [`${part} takes ${takes}, and its time-out is ${allowed}: the attempt fails.`];
}

const DECISIONS: Readonly<Record<Decisions, string>> = {
  worst:
    'Every decision loops as often as it may, and the study then goes on: the most that can happen (--decisions worst).',
  first: 'Every decision takes its first rule, whatever its condition, as often as it may (--decisions first).',
  none: 'No decision loops or stops (--decisions none).',
};

function assumptionsOf(lock: Lock, skeleton: Lock, { decisions, pools = [] }: SimulateOptions): string[] {
  const conditional = lock.pipeline.filter(({ when }) => when !== null).map(({ name }) => name);
  const changed = pools.length > 0 ? ` (${plural(lock.in_flight, 'point')} by the lock)` : '';
  return [
    'No tool was called, so no answer exists: what a plan computes from answers is left out.',
    ...(conditional.length === 0 ? [] : [`Steps with a \`when\` are taken to apply: ${conditional.join(', ')}.`]),
    ...(lock.study.some(({ decide }) => decide !== null) ? [DECISIONS[decisions]] : []),
    `At most ${plural(skeleton.in_flight, 'point')} at once${changed}.`,
    'Tools answer as soon as they are done; expctl itself and its disk take no time.',
  ];
}
