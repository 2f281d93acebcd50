import type { Clock } from './ports.ts';

/** Resolves after the time, or at once when the signal is aborted. Nothing is left behind then: neither a timer nor a listener. */
export function wait(clock: Clock, seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(seconds, done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
