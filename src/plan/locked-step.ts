import type { LockedCall, LockedStep } from '../ir/lock.ts';
import { durationSeconds } from '../ir/duration.ts';
import type { PlanStep } from '../ir/plan.ts';
import type { CheckedPlan } from './check.ts';
import type { CallSite } from './check/calls.ts';
import { timeout_s } from './forecast.ts';

const DEFAULT_BACKOFF_S = 10;
const DEFAULT_RETRY_ON = ['transient', 'node_lost'];

/** A step with its defaults written out. Arguments and expressions stay as they were authored. */
export function lockedStep(name: string, step: PlanStep, { sites, needs }: CheckedPlan): LockedStep {
  const own = sites.filter((site) => site.step === name);
  const part = (wanted: CallSite['part']): LockedCall | null => {
    const site = own.find((candidate) => candidate.part === wanted);
    return site === undefined ? null : lockedCall(site);
  };
  const { retry, job } = step;
  const fetch = part('fetch');
  return {
    name,
    description: step.description ?? '',
    needs: [...needs.get(name)!],
    when: step.when ?? null,
    uses: step.uses ?? {},
    retry: {
      attempts: retry?.attempts ?? 1,
      backoff_s: retry?.backoff === undefined ? DEFAULT_BACKOFF_S : durationSeconds(retry.backoff),
      on: retry?.on ?? DEFAULT_RETRY_ON,
    },
    call: part('call'),
    job:
      job === undefined
        ? null
        : {
            submit: part('submit')!,
            poll: { ...part('poll')!, every_s: durationSeconds(job.poll.every), until: job.poll.until },
            fetch,
          },
  };
}

function lockedCall({ call, words, pinned }: CallSite): LockedCall {
  return {
    call,
    with: words.with ?? {},
    timeout_s: timeout_s(words.timeout),
    expect: words.expect ?? [],
    parse: words.parse ?? null,
    effect: pinned!.effect,
  };
}
