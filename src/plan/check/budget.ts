import type { Forecast } from '../../ir/lock.ts';
import type { Plan } from '../../ir/plan.ts';
import { DEFAULT_TIMEOUT_S } from '../forecast.ts';
import type { CheckContext } from './context.ts';

/** A study that can ask for more than its budget would be cut off in the middle. */
export function checkBudget(forecast: Forecast, { plan, report }: CheckContext): void {
  const { points, calls } = plan.budget ?? {};
  if (points !== undefined && forecast.points > points) {
    const message = `The study can evaluate ${forecast.points} points, but the budget is ${points}.`;
    report.error(
      'BUDGET',
      ['budget', 'points'],
      message,
      `Raise it to ${forecast.points}, or lower \`points\` or \`at_most\` in the study.`,
    );
  }
  if (calls !== undefined && forecast.calls > calls) {
    const each = `${forecast.points} points of at most ${forecast.calls_per_point}`;
    const message = `The study can make ${forecast.calls} calls (${each}), but the budget is ${calls}.`;
    report.error('BUDGET', ['budget', 'calls'], message, `Raise it to ${forecast.calls}, or lower points or attempts.`);
  }
}

/** What the plan leaves to defaults and a reviewer might miss. */
export function defaultNotes(plan: Plan): string[] {
  const notes: string[] = [];
  for (const [name, { job }] of Object.entries(plan.pipeline)) {
    if (job === undefined || job.poll.timeout !== undefined) continue;
    notes.push(`pipeline.${name}.job.poll: the job may take ${DEFAULT_TIMEOUT_S} s, since no timeout is stated.`);
  }
  if (plan.budget?.wall_time === undefined) notes.push('budget: no wall_time is stated, so the run may take any time.');
  return notes;
}
