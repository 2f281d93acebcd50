import type { ApprovedLock } from '../../approval/authorise.ts';
import type { VerifiedDecision } from '../../approval/gate.ts';
import type { JournalHead } from '../../approval/statement.ts';
import type { JsonObject } from '../../base/json.ts';
import type { Result } from '../../base/result.ts';
import type { EffectResolved, GateOpened, JournalRow, Outcome, PointResult, RunFinished } from '../../ir/events.ts';
import type { Lock } from '../../ir/lock.ts';
import type { StudySummary } from '../../ir/study-summary.ts';
import type { Program } from '../../kernel/program.ts';
import type { UnresolvedEffect } from '../../kernel/run.ts';
import type { Clock, JournalStore, ToolHost } from '../ports.ts';

/** How the performance of a run ended. The run itself goes on with `resume` unless it finished. */
export type RunEnd =
  | { readonly kind: 'finished'; readonly status: RunFinished['status']; readonly reason: string }
  | { readonly kind: 'gate'; readonly gate: GateOpened }
  /** Nothing goes on until a person says what became of these (`expctl resolve`). */
  | { readonly kind: 'unresolved'; readonly effects: readonly UnresolvedEffect[] }
  | { readonly kind: 'paused' }
  | { readonly kind: 'interrupted' };

/** What a person signed about such an effect. */
export interface VerifiedResolution {
  readonly as: EffectResolved['as'];
  /** The answer of `done`, null otherwise. */
  readonly outcome: Outcome | null;
  readonly by: string;
  readonly statement_sha256: string;
  readonly envelope_sha256: string;
}

/** What was before a run went on, for whoever shows it. */
export interface RunPast {
  readonly summary: StudySummary;
  /** Points in flight, with the step that each is at; empty where it is at none. */
  readonly in_flight: ReadonlyMap<number, string>;
  readonly best: { readonly point: number; readonly metrics: PointResult['metrics'] } | null;
}

export interface EngineDeps {
  readonly journal: JournalStore;
  readonly tools: ToolHost;
  readonly clock: Clock;
  /** Whether the clock is to be trusted (it is unless this says otherwise); asked before each sending. CLOCK_JUMPED, with how it stands in `details`. */
  readonly checkClock?: () => Result<void>;
  /** Names the folder of an effect; whoever needs it makes it. */
  readonly workFolder: (run: string, point: number, step: string, attempt: number) => string | Promise<string>;
  /** Facts about this process (host, version, git commit), kept beside what it observes. */
  readonly host: JsonObject;
  /** Verifies a signed decision for the gate that is open, with the head of the study's stream at which it was opened. */
  readonly verifyGate: (message: JsonObject, gate: GateOpened, head: JournalHead) => Promise<Result<VerifiedDecision>>;
  /** Verifies a signed statement on what became of an effect; `intent` is the row with which it was intended. */
  readonly verifyResolution: (
    message: JsonObject,
    effect: UnresolvedEffect,
    intent: JournalRow,
  ) => Promise<Result<VerifiedResolution>>;
  /** Told where a run stands that goes on, before it does. */
  readonly onPast?: (past: RunPast) => void;
  /** Told of every row once it is durable. */
  readonly onRow: (row: JournalRow) => void;
  /** Told of what is worth a line and is no event: a refused decision, a tool's restart. */
  readonly onNotice: (text: string) => void;
}

export interface PerformOptions {
  readonly run: string;
  readonly approved: ApprovedLock<Lock>;
  readonly program: Program;
  /** Block at a gate instead of returning. */
  readonly wait: boolean;
  /** Who asked for it, for the journal. */
  readonly by: string;
  readonly take_over?: boolean;
}

/** A run that this process performs. One Ctrl-C is `drain`, two are `stop`. */
export interface Performance {
  readonly end: Promise<Result<RunEnd>>;
  /** Sends nothing new and ends once what is out has answered; jobs go on outside. */
  drain(reason: string): void;
  /** Ends now; what is out is found again by `resume`. */
  stop(): void;
}
