import type Database from 'better-sqlite3';
import { ExpctlError } from '../../base/error.ts';
import type { EffectAnswer, EffectIntent, LedgerEntry } from '../../engines/temporal/ports.ts';
import { canonicalJson } from '../../ir/canonical.ts';

type EffectRow = Omit<LedgerEntry, 'answer'> & { readonly answer: string | null };

/** What can be wrong with an intent is found here, before it can spoil the commit of others. */
export function assertIntent({ key, point, step, part, attempt }: EffectIntent): void {
  const texts = [key, step, part].every((text) => typeof text === 'string');
  if (!texts || ![point, attempt].every(Number.isSafeInteger)) {
    throw new TypeError(`no effect is ${step} of point ${point}, attempt ${attempt}`);
  }
}

/** The table of effects; what changes it runs within a transaction that the caller opened. */
export class Ledger {
  readonly #select: Database.Statement<unknown[], EffectRow>;
  readonly #insert: Database.Statement;
  readonly #send: Database.Statement;
  readonly #answer: Database.Statement;

  constructor(database: Database.Database) {
    this.#select = database.prepare(
      'SELECT key, point, step, part, attempt, sendings, answer FROM effects WHERE run = ? AND key = ?',
    );
    this.#insert = database.prepare(
      `INSERT INTO effects (run, key, point, step, part, attempt, sendings, intended_ms)
       VALUES (@run, @key, @point, @step, @part, @attempt, 1, @now_ms)`,
    );
    this.#send = database.prepare('UPDATE effects SET sendings = sendings + 1 WHERE run = ? AND key = ?');
    this.#answer = database.prepare('UPDATE effects SET answer = ?, answered_ms = ? WHERE run = ? AND key = ?');
  }

  entry(run: string, key: string): LedgerEntry | null {
    const row = this.#select.get(run, key);
    return row === undefined ? null : { ...row, answer: row.answer === null ? null : answerIn(row.answer) };
  }

  /** Why an intent is refused, or null: its key is that of another effect. */
  refusal(run: string, intent: EffectIntent): ExpctlError | null {
    const before = this.#select.get(run, intent.key);
    if (before === undefined || isSame(before, intent)) return null;
    const message = `The key of ${nameOf(intent)} of run ${run} is that of ${nameOf(before)} in the ledger`;
    const hint = `Nothing was sent. Run \`expctl replay ${run}\` to see whether the journal holds.`;
    return new ExpctlError('EVIDENCE_BROKEN', message, { hint });
  }

  /** One more sending, unless it was answered. */
  intend(run: string, { key, point, step, part, attempt }: EffectIntent, now_ms: number): LedgerEntry {
    const before = this.#select.get(run, key);
    if (before === undefined) this.#insert.run({ run, key, point, step, part, attempt, now_ms });
    else if (before.answer === null) this.#send.run(run, key);
    return this.entry(run, key)!;
  }

  /** @param text of the answer, in canonical form; @returns what counts, null where nothing was intended */
  answer(run: string, key: string, text: string, now_ms: number): EffectAnswer | null {
    const before = this.#select.get(run, key);
    if (before === undefined) return null;
    if (before.answer !== null) return answerIn(before.answer);
    this.#answer.run(text, now_ms, run, key);
    return answerIn(text);
  }
}

export function answerText({ outcome, observed }: EffectAnswer): string {
  return canonicalJson({ outcome, observed });
}

function answerIn(text: string): EffectAnswer {
  return JSON.parse(text) as EffectAnswer;
}

function isSame(one: EffectIntent, other: EffectIntent): boolean {
  return (['point', 'step', 'part', 'attempt'] as const).every((name) => one[name] === other[name]);
}

function nameOf({ point, step, part, attempt }: EffectIntent): string {
  return `${step} (${part}, attempt ${attempt}) of point ${point}`;
}
