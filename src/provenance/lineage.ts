import { referencedPaths } from '../ir/expression/paths.ts';
import type { Expression } from '../ir/expression/tree.ts';
import type { Program } from '../kernel/program.ts';
import type { EffectView } from './effects.ts';

/** What a metric is made of: fields of answers, variables and constants, followed through other metrics and derived values. */
export interface MetricSources {
  readonly metric: string;
  readonly unit: string;
  /** As the plan says it. */
  readonly expression: string;
  /** `post.mass`, in the order of first use. */
  readonly answers: readonly string[];
  /** Names of variables and constants that it reads itself. */
  readonly inputs: readonly string[];
  /** Steps whose answers it is made of, nearest first, then those that these need. */
  readonly steps: readonly string[];
}

/** Where a metric comes from; undefined if there is none of that name. */
export function metricSources(program: Program, name: string): MetricSources | undefined {
  const metric = program.metrics.find((candidate) => candidate.name === name);
  if (metric === undefined) return undefined;
  const answers: string[] = [];
  const inputs: string[] = [];
  const seen = new Set<string>([name]);
  collect(program, metric.value, { answers, inputs, seen });
  const nearest = [...new Set(answers.map((path) => path.split('.')[0]!))];
  const { text } = metric.value;
  return {
    metric: name,
    unit: metric.unit.text,
    expression: text,
    answers,
    inputs,
    steps: withNeeds(program, nearest),
  };
}

function collect(
  program: Program,
  expression: Expression,
  found: { answers: string[]; inputs: string[]; seen: Set<string> },
): void {
  for (const path of referencedPaths(expression)) {
    const [first = ''] = path;
    const inner = program.metrics.find(({ name }) => name === first)?.value ?? program.derived.get(first);
    if (program.steps.some(({ name }) => name === first)) found.answers.push(path.join('.'));
    else if (inner === undefined) found.inputs.push(first);
    else if (!found.seen.has(first)) {
      found.seen.add(first);
      collect(program, inner, found);
    }
  }
}

/** The steps, and all that they need, each behind those that need it. */
function withNeeds(program: Program, steps: readonly string[]): string[] {
  const wanted = new Set<string>();
  const add = (name: string): void => {
    if (wanted.has(name)) return;
    wanted.add(name);
    for (const need of program.steps.find((step) => step.name === name)?.needs ?? []) add(need);
  };
  for (const step of steps) add(step);
  // Program steps stand behind those that they need.
  return program.steps
    .map(({ name }) => name)
    .filter((name) => wanted.has(name))
    .reverse();
}

/** The effects by which a step came to its answer: of its last attempt, the last part first. */
export function effectsOfAnswer(effects: readonly EffectView[], step: string): EffectView[] {
  const own = effects.filter((effect) => effect.step === step);
  const attempt = Math.max(...own.map((effect) => effect.attempt));
  return own.filter((effect) => effect.attempt === attempt).reverse();
}
