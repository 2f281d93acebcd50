import type { Json, JsonObject } from '../base/json.ts';
import type { EffectPart, PointRecord, PointResult } from '../ir/events.ts';
import type { EffectKind } from '../ir/tools.ts';
import type { PointValues } from './names.ts';

type StepStatus =
  | 'waiting'
  | 'wanting'
  | 'held'
  | 'out'
  | 'unresolved'
  | 'backing_off'
  | 'succeeded'
  | 'failed'
  | 'skipped';

export interface StepState {
  status: StepStatus;
  /** Logical attempt, from 1. */
  attempt: number;
  /** Index into the step's parts. */
  part: number;
  granted: boolean;
  /** The poll's intent is written: after a pause it goes on without a new one. */
  polling: boolean;
  /** Answers of this attempt by part. */
  answers: Partial<Record<EffectPart, Json>>;
  /** Attempts that `retry.attempts` does not count: they found no licence, or a person had the point tried again. */
  waived?: number;
  /** How often, and for how many seconds, a licence was waited for since anything last succeeded. */
  licence_waits?: number;
  licence_waited_s?: number;
  /** A person said that it has not happened: the next sending is under the intent that stands. */
  again?: boolean;
  /** It has failed and may yet go on outside (K4). */
  open?: boolean;
}

/** Plain JSON; owned and changed in place by `stepPoint`. */
export interface PointState {
  readonly point: number;
  readonly values: PointValues;
  readonly steps: Record<string, StepState>;
  paused: boolean;
  cancelled: boolean;
  ended: boolean;
  calls: number;
  failure: PointResult['failure'];
}

/** What the engine is to do; it reports back by facts. */
export type PointCommand =
  | SendCommand
  | PollCommand
  /** Stop asking; the job itself goes on. */
  | { readonly do: 'stop_poll'; readonly step: string }
  | { readonly do: 'timer'; readonly timer: string; readonly after_s: number }
  | { readonly do: 'cancel_timer'; readonly timer: string }
  | {
      readonly do: 'want';
      readonly step: string;
      readonly attempt: number;
      readonly uses: Readonly<Record<string, number>>;
    }
  | { readonly do: 'release'; readonly step: string }
  | { readonly do: 'end'; readonly result: PointResult };

interface Call {
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
  readonly call: string;
  readonly arguments: JsonObject;
  readonly effect: EffectKind;
  readonly timeout_s: number;
}
export interface SendCommand extends Call {
  readonly do: 'send';
}
/** Call until `pollEnded` says so, every `every_s` seconds, then report the last answer. */
export interface PollCommand extends Call {
  readonly do: 'poll';
  readonly every_s: number;
}

export interface PointOutput {
  /** Appended right behind the fact, in the same transaction. */
  readonly records: PointRecord[];
  /** Performed once fact and records are durable. */
  readonly commands: PointCommand[];
}
