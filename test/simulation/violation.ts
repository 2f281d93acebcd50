/** What was promised and did not hold. Each name has a planted bug that breaks it (planted.ts). */
export const INVARIANTS = {
  once: 'a call that may happen once is sent once, unless a person found that it had not happened',
  twice: 'no effect happens twice under one key',
  one_call: 'one key stands for one call with one set of arguments',
  attempt: 'a new logical attempt begins only once the one before is known to have ended (K4)',
  intent: 'an intent is durable before anything leaves the process',
  outstanding: 'only what the journal asks for is sent: nothing after pause, cancel or end (K5, E4)',
  pools: 'the tokens of a pool that are out are never more than there are (K2)',
  points: 'no more points than the budget allows, nor than may be in flight (K6, K7)',
  calls: 'no more calls than the budget allows (K7)',
  answers: 'what the journal says that a tool answered is what it answered to that effect',
  order:
    'nothing begins in a point or a run that is paused, cancelled, failed or finished (K5), or before what it needs (K1)',
  time: 'the time that the journal keeps never goes back',
  fence: 'whoever lost the lease appends nothing',
  acknowledged: 'what was acknowledged is never lost: neither events nor messages',
  fold: 'the journal follows from the lock, and its chains hold',
  ends: 'every wait ends, and so does the run',
  engine: 'the engine meets no error that nobody foresaw',
} as const;
export type Invariant = keyof typeof INVARIANTS;

export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, message: string) {
    super(`${invariant}: ${INVARIANTS[invariant]}. ${message}`);
    this.invariant = invariant;
  }
}
