import type {
  EffectResolved,
  Outcome,
  PointFact,
  PointResult,
  RunEvent,
  RunFinished,
  RunStarted,
  StudyFact,
} from '../../ir/events.ts';
import type { DesignTable, Lock } from '../../ir/lock.ts';
import type { PointState, PollCommand, SendCommand } from '../../kernel/point.ts';
import type { StudyCommand, StudyState } from '../../kernel/study.ts';

/*
 * What the workflows of a run, their activities and their clients say to each other. All of it is plain JSON, and nothing of it is
 * trusted: activities believe what they find in the store.
 */

/** Workers of different stores take different tasks: none can do anything for a run that lies in another one. */
export function taskQueueOf(identity: string): string {
  return `expctl-${identity}`;
}
export const STUDY_WORKFLOW = 'studyWorkflow';
export const POINT_WORKFLOW = 'pointWorkflow';

/** Limits that tests lower. */
export interface Limits {
  /** A workflow continues as new once its history has so many events. */
  readonly history_events: number;
  /** A worker that is silent for so long is taken for gone. */
  readonly heartbeat_s: number;
}

/** Temporal warns at 10,240 events and ends a workflow at 51,200. */
export const LIMITS: Limits = { history_events: 8000, heartbeat_s: 30 };

export interface StudyArguments {
  readonly run: string;
  readonly lock: Lock;
  readonly tables: Readonly<Record<string, DesignTable>>;
  readonly limits: Limits;
  /** Where the journal stands, for a run that goes on here; its first event otherwise. */
  readonly begins: { readonly started: RunStarted } | { readonly carried: CarriedStudy };
}

/** What a study hands on when it continues as new. */
export interface CarriedStudy {
  readonly study: StudyState;
  /** Number of the last event of the study's stream. */
  readonly seq: number;
  /** What was asked for and not done yet. */
  readonly commands: readonly StudyCommand[];
  /** Milliseconds since 1970, by name; the wall time is not among them. */
  readonly timers: Readonly<Record<string, number>>;
  /** Active time that is left; null without a limit. */
  readonly wall_time_left_ms: number | null;
  /** The last message that is known. */
  readonly last_message: number;
  /** By point in flight. */
  readonly secrets: Readonly<Record<number, string>>;
  /** Points in flight that may have no workflow any more: they go on where the journal left them. */
  readonly left: readonly number[];
}

export interface PointArguments {
  readonly run: string;
  /** Without tables, phases and tools: what a point needs. */
  readonly lock: Lock;
  readonly limits: Limits;
  /** What the point's signals to its study carry: nobody else knows it, for it lies in an artifact. */
  readonly secret: string;
  readonly point: number;
  readonly begins: { readonly values: Readonly<Record<string, number | string>> } | { readonly carried: CarriedPoint };
}

export interface CarriedPoint {
  readonly state: PointState;
  /** Number of the last event of the point's stream. */
  readonly seq: number;
  /** What was asked for and nobody has answered. */
  readonly effects: readonly (SendCommand | PollCommand)[];
  /** Milliseconds since 1970, by name. */
  readonly timers: Readonly<Record<string, number>>;
  /** A fact that comes first: it was tried again by a person. */
  readonly fact: PointFact | null;
  /** How it ended, where the study may not have heard of it. */
  readonly result: PointResult | null;
}

/** Events of one stream, numbered, so that whoever appends them twice has appended them once. */
export interface Tail {
  readonly stream: string;
  readonly first_seq: number;
  readonly events: readonly RunEvent[];
}

/** A point has ended; its last events are written with those of the study. */
export interface PointEnd {
  readonly point: number;
  readonly secret: string;
  readonly result: PointResult;
  readonly tail: Tail;
}

/** A point may not send, or cannot go on at all (`final`). */
export interface PointDenial {
  readonly point: number;
  readonly secret: string;
  readonly reason: string;
  readonly final: boolean;
}

/** What an activity tells a workflow that asked for an effect. */
export type Answered =
  | { readonly kind: 'answered'; readonly outcome: Outcome; readonly resent: number }
  /** The approval does not hold (any more): nothing was sent. */
  | { readonly kind: 'denied'; readonly reason: string };

/** What a message of a person leads to, if it is possible when it is taken. */
export type Order =
  | { readonly id: number; readonly fact: StudyFact }
  | { readonly id: number; readonly point: number; readonly resolved: EffectResolved }
  /** It changes nothing. */
  | { readonly id: number; readonly refused: string };

export interface StudyStatus {
  readonly status: StudyState['status'];
  readonly paused: boolean;
  readonly phase: string | null;
  readonly in_flight: readonly number[];
  readonly seq: number;
  readonly ended: RunFinished['status'] | null;
}

/** Every activity first writes the tail that it is given. */
export interface RunActivities {
  effect(run: string, point: number, command: SendCommand, tail: Tail): Promise<Answered>;
  /** Asks until the job has ended. */
  poll(run: string, point: number, command: PollCommand, tail: Tail): Promise<Answered>;
  /** @param obeyed messages that led to these events, or to nothing */
  append(run: string, tails: readonly Tail[], obeyed: readonly number[]): Promise<void>;
  /** What people ask of the run, verified. */
  orders(run: string, beyond: number): Promise<readonly Order[]>;
  /** A point as its journal left it. */
  leftPoint(run: string, point: number): Promise<PointArguments['begins']>;
}

export function pointWorkflowId(run: string, point: number): string {
  return `${run}/point/${point}`;
}
