import { ActivityFailure, getExternalWorkflowHandle, ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { EffectResolved, PointFact } from '../../../ir/events.ts';
import type { Lock } from '../../../ir/lock.ts';
import { type Limits, type PointArguments, POINT_WORKFLOW, pointWorkflowId } from '../protocol.ts';
import { resolved, studySays } from './signals.ts';

/**
 * The points of a study that were begun, as child workflows that outlive this execution of the study; so a point tells its end by a
 * signal. What one point is told leaves in order: two signals that are out may overtake each other.
 */
export class PointHandles {
  readonly #run: string;
  readonly #lock: Lock;
  readonly #limits: Limits;
  readonly #onBroken: (error: unknown) => void;
  /** The last thing that was done for each point, while it is on its way. */
  readonly #busy = new Map<number, Promise<unknown>>();

  constructor(run: string, lock: Lock, limits: Limits, onBroken: (error: unknown) => void) {
    this.#onBroken = onBroken;
    this.#run = run;
    this.#lock = { ...lock, study: [], tables: [], tools: [], notes: [], questions: [], assumptions: [] };
    this.#limits = limits;
  }

  /** Nothing is on its way to any point. */
  get isIdle(): boolean {
    return this.#busy.size === 0;
  }

  start(point: number, begins: PointArguments['begins']): void {
    this.#next(point, () => this.#start(point, begins));
  }

  /** A point goes on where its journal left it, unless it is in hand already. @param fact what it is told first */
  goOn(point: number, left: () => Promise<PointArguments['begins']>, fact: PointFact | null): void {
    this.#next(point, async () => {
      const begins = await left();
      await this.#start(point, 'carried' in begins ? { carried: { ...begins.carried, fact } } : begins);
    });
  }

  tell(point: number, fact: PointFact): void {
    this.#next(point, () => this.#handle(point).signal(studySays, fact));
  }

  resolve(point: number, message: number, fact: EffectResolved): void {
    this.#next(point, () => this.#handle(point).signal(resolved, message, fact));
  }

  #handle(point: number): ReturnType<typeof getExternalWorkflowHandle> {
    return getExternalWorkflowHandle(pointWorkflowId(this.#run, point));
  }

  async #start(point: number, begins: PointArguments['begins']): Promise<void> {
    await startChild(POINT_WORKFLOW, {
      workflowId: pointWorkflowId(this.#run, point),
      args: [{ run: this.#run, lock: this.#lock, limits: this.#limits, point, begins }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
  }

  #next(point: number, work: () => Promise<unknown>): void {
    const before = this.#busy.get(point) ?? Promise.resolve();
    const done = before.then(work).catch((error: unknown) => {
      if (!isThereOrGone(error)) this.#onBroken(error);
    });
    this.#busy.set(point, done);
    void done.then(() => {
      if (this.#busy.get(point) === done) this.#busy.delete(point);
    });
  }
}

/** A point that cannot be started is in hand already; one that cannot be told has ended meanwhile. Both are as they should be. */
function isThereOrGone(error: unknown): boolean {
  const names = ['WorkflowExecutionAlreadyStartedError', 'ApplicationFailure'];
  return error instanceof Error && names.includes(error.name) && !(error instanceof ActivityFailure);
}
