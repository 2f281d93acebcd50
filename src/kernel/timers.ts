/** Counts active time only: not the time in which a gate is open, or the run is paused or not performed. */
export const WALL_TIME = 'wall_time';

const LONGEST_BACKOFF_S = 3600;
const FIRST_LICENCE_WAIT_S = 5;
const LONGEST_LICENCE_WAIT_S = 600;
/** A day: behind it a missing licence is a failure like any other. */
export const LICENCE_PATIENCE_S = 86_400;

/** Doubled from attempt to attempt, up to an hour. @param attempt that failed, from 1 */
export function backOff_s(first_s: number, attempt: number): number {
  return doubled(first_s, attempt - 1, LONGEST_BACKOFF_S);
}

/** 5 s, doubled from wait to wait up to ten minutes. @param waits before this one */
export function licenceWait_s(waits: number): number {
  return doubled(FIRST_LICENCE_WAIT_S, waits, LONGEST_LICENCE_WAIT_S);
}

function doubled(first_s: number, times: number, longest_s: number): number {
  let seconds = first_s;
  for (let done = 0; done < times && seconds < longest_s; done += 1) seconds *= 2;
  return Math.min(seconds, longest_s);
}

export function retryTimer(step: string, attempt: number): string {
  return `retry:${step}:${attempt}`;
}

/** The timer of a job: it fires when the job has not ended in time. */
export function deadlineTimer(step: string, attempt: number): string {
  return `deadline:${step}:${attempt}`;
}

/** The step of whose job a timer is the deadline; null for every other timer. */
export function deadlineStep(timer: string): string | null {
  return /^deadline:([^:]+):/.exec(timer)?.[1] ?? null;
}
