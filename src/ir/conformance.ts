import type { Json } from '../base/json.ts';
import type { EffectKind } from './tools.ts';

/*
 * What the conformance kit (`expctl tools test`) observed of a tool, and what follows from it for what its tools file declares.
 */

/** What is done to a call, in this order. */
export const CONFORMANCE_CASES = [
  /** Nothing goes wrong: two keys, or the same question twice. */
  'ok',
  /** The request never reaches the tool; it is sent again. */
  'fail_before',
  /** The tool executes, its answer is withheld; it is sent again. */
  'execute_then_timeout',
  /** The tool executes, and is killed before its answer is heard; it is sent again. */
  'execute_then_reset',
  /** The tool is killed while it works; it is sent again. */
  'killed_midway',
  /** The same sending twice: one after the other, both at once, and to two servers at once. */
  'duplicate_delivery',
  /** The answer of the first sending arrives after the second was sent. */
  'late_arrival',
  /** A key that is known, with other arguments: must be refused. */
  'same_key_other_arguments',
] as const;
export type ConformanceCase = (typeof CONFORMANCE_CASES)[number];

export type FaultKind = 'drop_request' | 'drop_answer' | 'hold_answer' | 'kill_on_answer' | 'kill_after';

/** What came back for a sending. */
export type Heard =
  | { readonly kind: 'answer'; readonly answer: Json; readonly files: readonly HeardFile[] }
  | { readonly kind: 'failure'; readonly class: string; readonly message: string }
  | { readonly kind: 'lost'; readonly reason: 'timeout' | 'died'; readonly message: string };

export interface HeardFile {
  readonly name: string;
  readonly sha256: string;
}

/** One sending: what was sent, and what came back. */
export interface Sending {
  /** Label of the key, `A`, `B`, ...; null where none is sent. */
  readonly key: string | null;
  readonly arguments: 'given' | 'other';
  readonly fault: FaultKind | null;
  /** What expctl heard. */
  readonly heard: Heard;
  /** What the tool answered and expctl did not hear; null where it answered nothing. */
  readonly unheard: Heard | null;
}

/** One case, once. */
export interface Observation {
  readonly case: ConformanceCase;
  readonly sendings: readonly Sending[];
  /** Effects by the tool's own count: before, then after each part of the case; empty where nothing counts them. */
  readonly counts: readonly number[];
}

export type Verdict = 'holds' | 'refuted' | 'cannot_be_told' | 'not_run';

export interface Judgement {
  readonly verdict: Verdict;
  /** A sentence. */
  readonly why: string;
  /** What the verdict rests on. */
  readonly evidence: readonly ('answers' | 'count')[];
}

export interface CaseReport extends Judgement {
  readonly case: ConformanceCase;
  /** How often it was run, and how often it held. */
  readonly runs: number;
  readonly held: number;
  /** Of the run that decided; null where there was none. */
  readonly observation: Observation | null;
}

export interface CallReport {
  readonly call: string;
  readonly effect: EffectKind;
  /** Why the call was not tested; null where it was. */
  readonly untested: string | null;
  /** How its effects were counted, in words; null where they were not. */
  readonly count: string | null;
  /** Longest time of an undisturbed sending, in milliseconds; null where there was none. */
  readonly ok_ms: number | null;
  readonly cases: readonly CaseReport[];
}

export interface ConformanceReport {
  readonly tool: string;
  /** SHA-256 of the pin that was tested. */
  readonly pin: string;
  readonly calls: readonly CallReport[];
  /** The worst of all cases that were run. */
  readonly verdict: Exclude<Verdict, 'not_run'>;
}
