import type { GateOpened, RunFinished, StudyRecord } from '../ir/events.ts';
import type { Tally } from './tally.ts';

/** What is kept of a failed point, for the case that it is tried again. */
export interface Failed {
  readonly calls: number;
  readonly infeasible: boolean;
}

/** Plain JSON; owned and changed in place by `stepStudy`. Its size follows the points in flight, not all points. */
export interface StudyState {
  status: 'running' | 'at_gate' | 'finished';
  /** Index into the program's phases. */
  phase: number;
  /** Visits by phase, and how often a rule has fired by `phase.rule`. */
  readonly visits: Record<string, number>;
  readonly fired: Record<string, number>;
  /** The design table whose points are being started. */
  cursor: { table: string; next_row: number } | null;
  readonly in_flight: number[];
  started: number;
  readonly tally: Tally;
  paused: boolean;
  /** Timers that were set, have not fired and were not cancelled. */
  timers: string[];
  /** Set once the run is to end: nothing new starts, and it ends when nothing is in flight. */
  ending: Ending | null;
  /** How it ended before failed points were tried again, where that stands whatever comes of them. */
  concluded: Ending | null;
  /** All phases are done. */
  done: boolean;
  /** The gate opens again once the points in flight are in: its evidence has changed. */
  gate_again: boolean;
  wall_time_over: boolean;
  /** What was cancelled: expressions over points, and phases. */
  readonly cancelled_where: string[];
  readonly cancelled_phases: string[];
  /** Points in flight that were told to end. */
  readonly cancelling: number[];
  /** Failed points that can be tried again, at most `MOST_RETRYABLE`, and how many they are. */
  readonly failed: Record<number, Failed>;
  retryable: number;
  readonly to_retry: number[];
  /** Calls that points made before they were tried again, for those that wait or are in flight. */
  readonly calls_before: Record<number, number>;
}

export interface Ending {
  readonly status: RunFinished['status'];
  readonly reason: string;
}

export type Signal = 'pause' | 'resume' | 'cancel';

/** What the engine is to do; it reports back by facts. */
export type StudyCommand =
  | {
      readonly do: 'start_point';
      readonly point: number;
      readonly values: Readonly<Record<string, number | string>>;
    }
  /** A failed point goes on where it was left. */
  | { readonly do: 'retry_point'; readonly point: number }
  /** Only to these: points that the same fact starts have not begun. */
  | { readonly do: 'signal_points'; readonly signal: Signal; readonly points: readonly number[] }
  | { readonly do: 'open_gate'; readonly gate: GateOpened }
  | { readonly do: 'timer'; readonly timer: string; readonly after_s: number }
  | { readonly do: 'cancel_timer'; readonly timer: string }
  | { readonly do: 'finish'; readonly status: RunFinished['status']; readonly reason: string };

export interface StudyOutput {
  readonly records: StudyRecord[];
  readonly commands: StudyCommand[];
}
