import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';

/**
 * Timers of a workflow, by name. A timer counts when its firing is taken: one that is cancelled between firing and taking does not.
 */
export class WorkflowTimers {
  readonly #timers = new Map<string, { readonly scope: CancellationScope; readonly due_ms: number }>();

  /** @param due_ms milliseconds since 1970, in the workflow's time */
  set(name: string, due_ms: number, fired: () => void): void {
    this.cancel(name);
    const scope = new CancellationScope();
    this.#timers.set(name, { scope, due_ms });
    scope
      .run(() => sleep(Math.max(1, due_ms - Date.now())))
      .then(fired)
      .catch(ignoreCancellation);
  }

  /** Whether the firing counts; the timer is gone then. */
  take(name: string): boolean {
    return this.#timers.delete(name);
  }

  cancel(name: string): void {
    this.#timers.get(name)?.scope.cancel();
    this.#timers.delete(name);
  }

  /** When each timer that was not taken is due. */
  due(): Record<string, number> {
    return Object.fromEntries([...this.#timers].map(([name, { due_ms }]) => [name, due_ms]));
  }
}

export function ignoreCancellation(error: unknown): void {
  if (!isCancellation(error)) throw error;
}
