import type { Json, JsonObject } from '../base/json.ts';

/**
 * Everything that happens in a run. The same value is the journal's row, the `--jsonl` line and the screen's line.
 *
 * A run has one study stream (`study`) and one stream for each point (`point/7`). *Facts* come from outside (answers, timers,
 * people); *records* are what the kernel derives from a fact and are appended in the same transaction, right behind it. `replay`
 * feeds the facts to the kernel and demands the same records.
 */
export type RunEvent = StudyEvent | PointEvent;
export type StudyEvent = StudyFact | StudyRecord;
export type PointEvent = PointFact | PointRecord;

/**
 * Version of the meaning of events and plans, signed with every lock: a run is resumed and replayed only by a build that knows it, and
 * keeps the meaning with which it was signed.
 *
 * - 1: an unknown outcome fails its step; a missing licence is a failure like any other; each run grants its own pools.
 * - 2: an unknown outcome waits for a person (`effect.resolved`); a missing licence waits and burns no attempt; pools are granted by the
 *   store; points and phases can be cancelled, failed points tried again; `infeasible` points do not count against `failed_points`.
 */
export const SEMANTICS = 2;
/** The oldest that this build still knows. */
export const OLDEST_SEMANTICS = 1;

// --- study: facts -------------------------------------------------------------------------------------------------

export type StudyFact =
  | RunStarted
  | PointFinished
  | GateDecided
  | StudyTimerFired
  | RunPaused
  | RunResumed
  | RunCancelled
  | PointsCancelled
  | PhaseCancelled
  | PointsRetried;

/** The run of an approved lock began. */
export interface RunStarted {
  readonly type: 'run.started';
  readonly semantics: number;
  readonly lock_sha256: string;
  readonly request_sha256: string;
  /** Digests of the approval envelopes that allowed it, sorted. */
  readonly approvals: readonly string[];
}
/** A point came to its end; the writer adds the head of the point's stream as `observed.head`. */
export interface PointFinished {
  readonly type: 'point.finished';
  readonly point: number;
  readonly result: PointResult;
}
/** A verified, signed decision at a gate. */
export interface GateDecided {
  readonly type: 'gate.decided';
  readonly gate: string;
  readonly occurrence: number;
  readonly outcome: string;
  readonly statement_sha256: string;
  readonly by: string;
}
export interface StudyTimerFired {
  readonly type: 'study.timer_fired';
  readonly timer: string;
}
/** Nothing new is sent until `run.resumed`. */
export interface RunPaused {
  readonly type: 'run.paused';
  readonly by: string;
  readonly reason: string;
}
export interface RunResumed {
  readonly type: 'run.resumed';
  readonly by: string;
}
export interface RunCancelled {
  readonly type: 'run.cancelled';
  readonly by: string;
  readonly reason: string;
}
/**
 * Points for which an expression over constants, variables, derived values and `point` (its number) is true are not evaluated: those
 * in flight end as cancelled, those that have not begun never do. Semantics 2.
 */
export interface PointsCancelled {
  readonly type: 'points.cancelled';
  readonly where: string;
  readonly by: string;
  readonly reason: string;
}
/** A design phase evaluates no further point; those in flight end as cancelled, and the study goes on behind it. Semantics 2. */
export interface PhaseCancelled {
  readonly type: 'phase.cancelled';
  readonly phase: string;
  readonly by: string;
  readonly reason: string;
}
/**
 * Failed points are tried again from the step that failed; answers that they have are kept. A run that has ended goes on for them, and
 * an open gate opens anew behind them, with the new evidence. Semantics 2.
 */
export interface PointsRetried {
  readonly type: 'points.retried';
  /** Ascending. */
  readonly points: readonly number[];
  readonly by: string;
}

// --- study: records -----------------------------------------------------------------------------------------------

export type StudyRecord =
  | PhaseStarted
  | PointStarted
  | PointSkipped
  | PhaseFinished
  | GateOpened
  | DecisionMade
  | RunFinished;

/** A phase began, for the `occurrence`-th time (from 1). */
export interface PhaseStarted {
  readonly type: 'phase.started';
  readonly phase: string;
  readonly kind: 'design' | 'gate' | 'decide';
  readonly occurrence: number;
}
/** A point of a design table was taken in hand. */
export interface PointStarted {
  readonly type: 'point.started';
  readonly point: number;
  readonly table: string;
  readonly row: number;
}
/** A point of a design table was not taken in hand, since points like it were cancelled (`points.cancelled`). */
export interface PointSkipped {
  readonly type: 'point.skipped';
  readonly point: number;
  readonly table: string;
  readonly row: number;
}
export interface PhaseFinished {
  readonly type: 'phase.finished';
  readonly phase: string;
  readonly occurrence: number;
}
/** The run waits for a signed decision. */
export interface GateOpened {
  readonly type: 'gate.opened';
  readonly gate: string;
  readonly occurrence: number;
  readonly role: string;
  readonly ask: string;
  readonly outcomes: readonly string[];
  /** What the decision is about, as the kernel knows it: counts and best points. */
  readonly evidence: JsonObject;
}
/** A decide phase chose; `rule` counts the rules of the phase from 1. */
export interface DecisionMade {
  readonly type: 'decision.made';
  readonly phase: string;
  readonly occurrence: number;
  readonly rule: number;
  readonly action: string;
  readonly because: string;
}
export interface RunFinished {
  readonly type: 'run.finished';
  readonly status: 'completed' | 'stopped' | 'failed' | 'cancelled';
  readonly reason: string;
  readonly points: { readonly succeeded: number; readonly failed: number; readonly cancelled: number };
}

// --- point: facts -------------------------------------------------------------------------------------------------

export type PointFact =
  | PointBegan
  | StepGranted
  | EffectAnswered
  | EffectResent
  | PointTimerFired
  | EffectResolved
  | PointPaused
  | PointResumed
  | PointCancelled
  | PointRetried;

/** First event of a point's stream: its assignment of all variables, as bare numbers in their declared units. */
export interface PointBegan {
  readonly type: 'point.began';
  readonly point: number;
  readonly values: Readonly<Record<string, number | string>>;
}
/** The pools that the step uses were taken for it. */
export interface StepGranted {
  readonly type: 'step.granted';
  readonly step: string;
}
/** An effect came to an end that is known. */
export interface EffectAnswered {
  readonly type: 'effect.answered';
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
  readonly outcome: Outcome;
}
/** The same effect was sent again under the same key, since its end was not known. Wholly observed. */
export interface EffectResent {
  readonly type: 'effect.resent';
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
}
/**
 * A person found out, and signed, what became of an effect whose outcome was unknown: `done` with what the tool would have answered,
 * `failed` (it happened, to no use), or `not_done` (it is sent, or asked after, again under its key). Semantics 2.
 */
export interface EffectResolved {
  readonly type: 'effect.resolved';
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
  readonly as: 'done' | 'failed' | 'not_done';
  /** The answer of `done`; null otherwise. */
  readonly outcome: Outcome | null;
  readonly statement_sha256: string;
  readonly by: string;
}
export interface PointTimerFired {
  readonly type: 'point.timer_fired';
  readonly timer: string;
}
export interface PointPaused {
  readonly type: 'point.paused';
}
export interface PointResumed {
  readonly type: 'point.resumed';
}
export interface PointCancelled {
  readonly type: 'point.cancelled';
}
/** A point that had failed goes on at the steps that failed, or were left. Semantics 2. */
export interface PointRetried {
  readonly type: 'point.retried';
}

// --- point: records -----------------------------------------------------------------------------------------------

export type PointRecord = EffectIntended | StepSkipped | StepFailed | StepUnresolved | PointEnded;

/** Written and durable before anything leaves the process. The writer adds `observed.key`, the effect's key. */
export interface EffectIntended {
  readonly type: 'effect.intended';
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
  /** `tool/call` */
  readonly call: string;
  readonly arguments: JsonObject;
}
/** Its `when` was false, or a step that it needs was skipped. */
export interface StepSkipped {
  readonly type: 'step.skipped';
  readonly step: string;
}
/** A logical attempt ended without a usable result; `again_in_s` when another one follows. */
export interface StepFailed {
  readonly type: 'step.failed';
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
  readonly class: FailureClass;
  readonly message: string;
  readonly again_in_s: number | null;
}
/** Nobody knows whether an effect happened, and sending it again could make it happen twice: a person has to say. Semantics 2. */
export interface StepUnresolved {
  readonly type: 'step.unresolved';
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
  readonly message: string;
}
export interface PointEnded {
  readonly type: 'point.ended';
  readonly result: PointResult;
}

// --- shared -------------------------------------------------------------------------------------------------------

/** What a call is within its step: the only one, or a part of a job. */
export type EffectPart = 'call' | 'submit' | 'poll' | 'fetch';

export const FAILURE_CLASSES = [
  'transient',
  'licence_unavailable',
  'infeasible',
  'bad_metric',
  'unexpected',
  'timeout',
  'cancelled',
  'tool_failed',
  'tool_broken',
  'node_lost',
  'unknown_outcome',
] as const;
/** One of FAILURE_CLASSES, or a class that the plan names itself. */
export type FailureClass = string;

export type Outcome =
  | { readonly ok: true; readonly answer: Json; readonly artifacts: readonly ArtifactRef[] }
  | { readonly ok: false; readonly class: FailureClass; readonly message: string };

/** A file that a tool made, known by its SHA-256. */
export interface ArtifactRef {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface PointResult {
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  /** Bare numbers in the metrics' declared units; empty unless succeeded. */
  readonly metrics: Readonly<Record<string, number>>;
  /** All outcome constraints hold; null unless succeeded. */
  readonly feasible: boolean | null;
  readonly failure: { readonly step: string; readonly class: FailureClass; readonly message: string } | null;
  /** Logical calls made, polls not counted. */
  readonly calls: number;
}

/** What only the performing engine knows of an event: kept and hashed, but not compared between engines or by `replay`. */
export type Observed = JsonObject;

/** One row of the journal. `hash` = SHA-256 over every other field, `prev` among them. */
export interface JournalRow {
  readonly run: string;
  /** `study` or `point/N` */
  readonly stream: string;
  /** From 1, without gaps, in each stream. */
  readonly seq: number;
  /** Order of appending over all streams of the run; not part of the chain. */
  readonly position: number;
  readonly type: RunEvent['type'];
  /** Canonical JSON of the event without `type`. */
  readonly body: string;
  /** Canonical JSON of the observed fields. */
  readonly observed: string;
  readonly wall_ms: number;
  readonly fence: number;
  readonly prev: string;
  readonly hash: string;
}

const STUDY_FACTS: ReadonlySet<string> = new Set<StudyFact['type']>([
  'run.started',
  'point.finished',
  'gate.decided',
  'study.timer_fired',
  'run.paused',
  'run.resumed',
  'run.cancelled',
  'points.cancelled',
  'phase.cancelled',
  'points.retried',
]);
const POINT_FACTS: ReadonlySet<string> = new Set<PointFact['type']>([
  'point.began',
  'step.granted',
  'effect.answered',
  'effect.resent',
  'effect.resolved',
  'point.timer_fired',
  'point.paused',
  'point.resumed',
  'point.cancelled',
  'point.retried',
]);

/** Facts come from outside; everything else must follow from them. */
export function isFact(type: string): boolean {
  return STUDY_FACTS.has(type) || POINT_FACTS.has(type);
}

export function pointStream(point: number): string {
  return `point/${point}`;
}

/** The number of a point's stream; null for the study's, and for what is no stream at all. */
export function pointOf(stream: string): number | null {
  const number = /^point\/([1-9]\d{0,8})$/.exec(stream)?.[1];
  return number === undefined ? null : Number(number);
}

/** The event that a row of a sound journal holds. @throws SyntaxError where its body is no JSON */
export function eventOf({ type, body }: Pick<JournalRow, 'type' | 'body'>): RunEvent {
  return { type, ...JSON.parse(body) } as RunEvent;
}

/** Whether many processes append the run's streams. @param started its row of the type `run.started` */
export function isShared(started: Pick<JournalRow, 'observed'>): boolean {
  const { engine } = JSON.parse(started.observed) as { engine?: unknown };
  return engine === 'temporal';
}
