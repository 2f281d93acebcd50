import { getExternalWorkflowHandle, ParentClosePolicy, startChild, uuid4 } from '@temporalio/workflow';
import type { EffectResolved, PointFact } from '../../../ir/events.ts';
import type { Lock } from '../../../ir/lock.ts';
import { type Limits, type PointArguments, POINT_WORKFLOW, pointWorkflowId } from '../protocol.ts';
import { adopted, resolved, studySays } from './signals.ts';

/** How often a point is looked at that ends while it is looked at. */
const MOST_TRIES = 5;

/**
 * The points of a study that were begun, as child workflows that outlive this execution of the study; so a point tells its end by a
 * signal. What one point is told leaves in order: two signals that are out may overtake each other.
 */
export class PointHandles {
  readonly #run: string;
  readonly #lock: Lock;
  readonly #limits: Limits;
  readonly #onBroken: (error: unknown) => void;
  readonly #secrets: Map<number, string>;
  /** The last thing that was done for each point, while it is on its way. */
  readonly #busy = new Map<number, Promise<unknown>>();

  constructor(
    run: string,
    lock: Lock,
    limits: Limits,
    secrets: Readonly<Record<number, string>>,
    onBroken: (error: unknown) => void,
  ) {
    this.#secrets = new Map(Object.entries(secrets).map(([point, secret]) => [Number(point), secret]));
    this.#onBroken = onBroken;
    this.#run = run;
    this.#lock = { ...lock, study: [], tables: [], tools: [], notes: [], questions: [], assumptions: [] };
    this.#limits = limits;
  }

  /** Nothing is on its way to any point. */
  get isIdle(): boolean {
    return this.#busy.size === 0;
  }

  /** Secrets of points in flight, to be handed on. */
  get secrets(): Readonly<Record<number, string>> {
    return Object.fromEntries(this.#secrets);
  }

  /** Whether it is this point that speaks. Its secret is of no use any more once it has ended. */
  isTrue(point: number, secret: string): boolean {
    return this.#secrets.get(point) === secret;
  }

  ended(point: number): void {
    this.#secrets.delete(point);
  }

  start(point: number, begins: PointArguments['begins']): void {
    this.#next(point, () => this.#startOrAdopt(point, async () => begins));
  }

  /** A point goes on where its journal left it. @param fact what it is told first */
  goOn(point: number, left: () => Promise<PointArguments['begins']>, fact: PointFact | null): void {
    const begins = async (): Promise<PointArguments['begins']> => {
      const found = await left();
      return 'carried' in found ? { carried: { ...found.carried, fact } } : found;
    };
    this.#next(point, () => this.#startOrAdopt(point, begins));
  }

  /**
   * One that is in hand already learns by which secret its study knows it now: after a reset, or where the journal is gone on with, it is
   * another one.
   */
  async #startOrAdopt(point: number, begins: () => Promise<PointArguments['begins']>): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#start(point, await begins());
      } catch (error) {
        if (!isThere(error)) throw error;
      }
      try {
        return await this.#handle(point).signal(adopted, this.#secretOf(point));
      } catch (error) {
        if (!isGone(error) || tries === MOST_TRIES) throw error; // it has ended in between: once more
      }
    }
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
      args: [{ run: this.#run, lock: this.#lock, limits: this.#limits, secret: this.#secretOf(point), point, begins }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
    });
  }

  #secretOf(point: number): string {
    const secret = this.#secrets.get(point) ?? uuid4();
    this.#secrets.set(point, secret);
    return secret;
  }

  #next(point: number, work: () => Promise<unknown>): void {
    const before = this.#busy.get(point) ?? Promise.resolve();
    const done = before.then(work).catch((error: unknown) => {
      if (!isThere(error) && !isGone(error)) this.#onBroken(error);
    });
    this.#busy.set(point, done);
    void done.then(() => {
      if (this.#busy.get(point) === done) this.#busy.delete(point);
    });
  }
}

/** It is in hand already. */
function isThere(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError';
}

/** It has ended. */
function isGone(error: unknown): boolean {
  return (
    error instanceof Error &&
    /ExternalWorkflowExecutionNotFound|not found|completed/i.test(`${error.name} ${error.message}`)
  );
}
