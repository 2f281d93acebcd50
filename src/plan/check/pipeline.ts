import type { Environment } from '../../ir/environment.ts';
import { FAILURE_CLASSES } from '../../ir/events.ts';
import { closest } from '../../ir/expression/suggest.ts';
import type { Plan, PlanStep } from '../../ir/plan.ts';
import type { CallSite } from './calls.ts';
import { type CheckContext, suggestion } from './context.ts';
import type { Path } from './reporter.ts';

/** Classes that say nothing of whether the attempt has ended. */
const NOT_ENDED: readonly string[] = ['timeout', 'unknown_outcome'];

/** Steps: what they are made of, what they use, and when they are tried again. */
export function checkPipeline(sites: readonly CallSite[], context: CheckContext): void {
  const { plan, report, unknown } = context;
  if (Object.keys(plan.pipeline).length === 0 && unknown.size === 0) {
    report.error('NO_STEPS', ['pipeline'], 'The pipeline has no steps.', 'Add one, with a `call`.');
  }
  for (const [name, step] of Object.entries(plan.pipeline)) {
    const path = ['pipeline', name];
    checkShape(name, step, path, context);
    checkNeeds(name, step, path, context);
    checkUses(step, path, context);
    checkRetry(
      sites.filter((site) => site.step === name),
      step,
      [...path, 'retry'],
      context,
    );
  }
}

function checkShape(name: string, step: PlanStep, path: Path, { report }: CheckContext): void {
  if ((step.call === undefined) === (step.job === undefined)) {
    const message = `The step \`${name}\` is ${step.call === undefined ? 'neither a call nor a job' : 'a call and a job at once'}.`;
    report.error('STEP', path, message, 'Write `call` or `job`.');
    return;
  }
  if (step.job === undefined) return;
  for (const word of ['with', 'timeout', 'expect', 'parse'] as const) {
    if (step[word] === undefined) continue;
    const message = `\`${word}\` beside a job says nothing of which of its calls is meant.`;
    report.keyError('STEP', [...path, word], message, 'Move it into `submit`, `poll` or `fetch`.');
  }
}

function checkNeeds(name: string, step: PlanStep, path: Path, { plan, report, unknown }: CheckContext): void {
  const steps = Object.keys(plan.pipeline);
  for (const [at, need] of (step.needs ?? []).entries()) {
    const here = [...path, 'needs', at];
    if (unknown.has(need)) continue;
    if (!steps.includes(need)) {
      report.error(
        'UNKNOWN_NAME',
        here,
        `There is no step \`${need}\`.`,
        suggestion(closest(need, steps), 'step', steps),
      );
    } else if (need === name) {
      report.error('CYCLE', here, `The step \`${name}\` needs itself.`, 'Remove it.');
    }
  }
}

function checkUses(step: PlanStep, path: Path, { plan, environment, report }: CheckContext): void {
  const capacities = poolCapacities(plan, environment);
  for (const [pool, tokens] of Object.entries(step.uses ?? {})) {
    const here = [...path, 'uses', pool];
    const capacity = capacities.get(pool);
    if (capacity === undefined) {
      const known = [...capacities.keys()];
      const near = closest(pool, known);
      const fix =
        near === undefined ? `Add it to the plan: \`pools: { ${pool}: ${tokens} }\`.` : `Did you mean \`${near}\`?`;
      report.keyError('POOL', here, `There is no pool \`${pool}\`.`, fix);
    } else if (tokens > capacity) {
      const fix = `Use at most ${capacity}, or enlarge the pool.`;
      report.error(
        'POOL',
        here,
        `The step needs ${tokens} of \`${pool}\`, but there are ${capacity}: it would wait for ever.`,
        fix,
      );
    }
  }
}

/** Tokens of each pool: of the plan and the environment the smaller; those of the environment alone only if they are used. */
export function poolCapacities(plan: Plan, environment: Environment): Map<string, number> {
  const used = new Set(Object.values(plan.pipeline).flatMap((step) => Object.keys(step.uses ?? {})));
  const capacities = new Map(Object.entries(plan.pools ?? {}));
  for (const [pool, tokens] of Object.entries(environment.pools)) {
    const own = capacities.get(pool);
    if (own !== undefined || used.has(pool)) capacities.set(pool, Math.min(own ?? tokens, tokens));
  }
  return capacities;
}

function checkRetry(sites: readonly CallSite[], step: PlanStep, path: Path, { report }: CheckContext): void {
  for (const [at, name] of (step.retry?.on ?? []).entries()) {
    const here = [...path, 'on', at];
    if (!(FAILURE_CLASSES as readonly string[]).includes(name)) {
      const fix = suggestion(closest(name, FAILURE_CLASSES), 'class', FAILURE_CLASSES);
      report.error('RETRY', here, `There is no failure class \`${name}\`.`, fix);
      continue;
    }
    const effect = sites.find(({ part }) => part === 'call' || part === 'submit')?.pinned?.effect;
    if (!NOT_ENDED.includes(name) || effect === undefined || effect === 'pure') continue;
    const message = `After \`${name}\` nobody knows whether the attempt has ended, and a new one would do the work twice.`;
    const fix = 'Remove it: lost answers are sent again under the same key anyway. Or raise `timeout`.';
    report.error('RETRY', here, message, fix);
  }
}
