/*
 * What drafting a plan and interviewing a person show: the planner says it, the screen draws it.
 */

/** What happens while a model drafts a plan. */
export type DraftProgress = RoundStarted | RoundStreamed | RoundRetried | RoundJudged;
/** The model is asked; rounds count from 1. */
export interface RoundStarted {
  readonly type: 'round.started';
  readonly round: number;
  readonly rounds: number;
}
/** More of the answer has come: characters so far, and tokens as far as the model has told. */
export interface RoundStreamed {
  readonly type: 'round.streamed';
  readonly round: number;
  readonly rounds: number;
  readonly characters: number;
}
/** The request failed for a reason that passes, and is sent again after a wait. */
export interface RoundRetried {
  readonly type: 'round.retried';
  readonly round: number;
  readonly reason: string;
  readonly wait_s: number;
}
/** The answer is complete; `problems` are what keeps it from being a valid plan. */
export interface RoundJudged {
  readonly type: 'round.judged';
  readonly round: number;
  readonly rounds: number;
  readonly output_tokens: number;
  readonly problems: readonly string[];
}

/** One question to a person. The id names it in an answers file. */
export type Question = TextQuestion | ChoiceQuestion | YesQuestion | ManyQuestion;
interface AnyQuestion {
  readonly id: string;
  readonly message: string;
}
export interface TextQuestion extends AnyQuestion {
  readonly kind: 'text';
  readonly default?: string;
  /** A sentence that says what is wrong with an answer; null if nothing is. */
  readonly problem: (answer: string) => string | null;
}
export interface Choice {
  readonly value: string;
  readonly label: string;
}
export interface ChoiceQuestion extends AnyQuestion {
  readonly kind: 'choice';
  readonly choices: readonly Choice[];
  readonly default?: string;
}
export interface YesQuestion extends AnyQuestion {
  readonly kind: 'yes';
  readonly default: boolean;
}
export interface ManyQuestion extends AnyQuestion {
  readonly kind: 'many';
  readonly choices: readonly Choice[];
  readonly default: readonly string[];
  readonly at_least: number;
}
export type Answer = string | boolean | readonly string[];
