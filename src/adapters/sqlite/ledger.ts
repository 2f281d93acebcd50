import type Database from 'better-sqlite3';
import type { ExpctlError } from '../../base/error.ts';
import type { EffectAnswer, EffectIntent, LedgerEntry } from '../../engines/temporal/ports.ts';
import { answerIn, type EffectRow, entryOf, intentRefusal } from '../journal-rows/effects.ts';

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
    return row === undefined ? null : entryOf(row);
  }

  /** Why an intent is refused, or null. */
  refusal(run: string, intent: EffectIntent): ExpctlError | null {
    return intentRefusal(run, intent, this.#select.get(run, intent.key));
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
