import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { JsonObject } from '../../../src/base/json.ts';
import type {
  Outcome,
  PointFact,
  PointResult,
  RunCancelled,
  RunPaused,
  RunResumed,
  RunStarted,
} from '../../../src/ir/events.ts';
import type { DesignTable, Lock } from '../../../src/ir/lock.ts';
import type { PointState, PollCommand, SendCommand } from '../../../src/kernel/point.ts';
import type { PoolState } from '../../../src/kernel/pools.ts';
import type { StudyState } from '../../../src/kernel/study.ts';
import type { Tail as Unwritten } from '../../../src/engines/temporal/protocol.ts';

/*
 * What the workflows of a run, their activities and their clients say to each other. All of it is plain JSON.
 */

export const TASK_QUEUE = 'expctl';
/** How long a worker that died in the middle of a step of a workflow is waited for. */
export const WORKFLOW_TASK_TIMEOUT = '2s';

export interface StudyArguments {
  readonly run: string;
  readonly lock: Lock;
  readonly tables: Readonly<Record<string, DesignTable>>;
  readonly started: RunStarted;
  /** Continues as new after so many facts, as soon as nothing is on its way. */
  readonly facts_per_execution: number;
  readonly carried: CarriedStudy | null;
}

/** What a study hands on when it continues as new. */
export interface CarriedStudy {
  readonly study: StudyState;
  readonly pools: PoolState;
  /** Number of the last event of the study's stream. */
  readonly seq: number;
  /** Milliseconds since 1970, by name; the wall time is not among them. */
  readonly timers: Readonly<Record<string, number>>;
  /** Active time that is left; null without a limit. */
  readonly wall_time_left_ms: number | null;
}

export interface PointArguments {
  readonly run: string;
  /** Without tables, phases and tools: what a point needs. */
  readonly lock: Lock;
  readonly point: number;
  readonly values: Readonly<Record<string, number | string>>;
}

/** What a point tells its study: commands of its machine that are not performed by itself. */
export type Told =
  | { readonly tell: 'want'; readonly step: string; readonly uses: Readonly<Record<string, number>> }
  | { readonly tell: 'release'; readonly step: string }
  | { readonly tell: 'end'; readonly result: PointResult };

export interface FromPoint {
  readonly point: number;
  /** Of one fact, in order: two signals of one workflow may arrive in the other order. */
  readonly told: readonly Told[];
}

export interface Decision {
  readonly outcome: string;
  readonly by: string;
  readonly statement_sha256: string;
}

export interface StudyStatus {
  readonly status: StudyState['status'];
  readonly in_flight: readonly number[];
  readonly seq: number;
}

export const pointSays = defineSignal<[FromPoint]>('pointSays');
export const studySays = defineSignal<[PointFact]>('studySays');
export const operatorSays = defineSignal<[RunPaused | RunResumed | RunCancelled]>('operatorSays');
export const decideGate = defineUpdate<string, [Decision]>('decideGate');
export const studyStatus = defineQuery<StudyStatus>('studyStatus');

/** How an effect ended, and how often it was sent under its key. */
export interface Answered {
  readonly outcome: Outcome;
  readonly sendings: number;
  readonly observed: JsonObject;
}

/** Every activity of a run first writes what is unwritten. */
export interface RunActivities {
  send(run: string, point: number, command: SendCommand, unwritten: Unwritten): Promise<Answered>;
  /** Asks until the job has ended; `lock` and `state` say when that is. */
  poll(
    run: string,
    point: number,
    command: PollCommand,
    unwritten: Unwritten,
    until: { readonly lock: Lock; readonly state: PointState },
  ): Promise<Answered>;
  /** Appends events to the journal, once: those that are there already must be the same. */
  append(run: string, unwritten: Unwritten): Promise<void>;
  verifyDecision(run: string, decision: Decision): Promise<boolean>;
}

/** The kernel decides on attempts; the server only sends again what it lost, and notices that by the missing heartbeat. */
export const LOST = { heartbeatTimeout: '2s', retry: { initialInterval: '100ms', maximumAttempts: 6 } } as const;

export function pointWorkflowId(run: string, point: number): string {
  return `${run}/point/${point}`;
}
