import type { EffectAnswer, EffectIntent, LedgerEntry } from '../../engines/temporal/ports.ts';
import { answerIn, type EffectRow, entryOf, intentRefusal } from '../journal-rows/effects.ts';
import type { ExpctlError } from '../../base/error.ts';
import type { Query } from './link.ts';
import type { Wish } from './wish.ts';

type StoredEffect = EffectRow & { readonly run: string };
type ChangedEffect = StoredEffect & { readonly now_ms: number };

const COLUMNS = 'run, key, point, step, part, attempt, sendings, answer';
const SELECT = `SELECT ${COLUMNS} FROM effects JOIN unnest($1::text[], $2::text[]) AS s (run, key) USING (run, key)`;
const INSERT = `INSERT INTO effects (run, key, point, step, part, attempt, sendings, intended_ms)
  SELECT run, key, point, step, part, attempt, 1, now_ms FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[],
    $6::bigint[], $7::bigint[]) AS n (run, key, point, step, part, attempt, now_ms)`;
const UPDATE = `UPDATE effects SET sendings = n.sendings, answer = n.answer,
    answered_ms = coalesce(answered_ms, CASE WHEN n.answer IS NULL THEN NULL ELSE n.now_ms END)
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[]) AS n (run, key, sendings, answer, now_ms)
  WHERE effects.run = n.run AND effects.key = n.key`;

/** What the ledger says of one effect of a run; null if it was never intended. */
export async function effectOf(query: Query, run: string, key: string): Promise<LedgerEntry | null> {
  const [row] = await query<EffectRow>(
    'SELECT key, point, step, part, attempt, sendings, answer FROM effects WHERE run = $1 AND key = $2',
    [run, key],
  );
  return row === undefined ? null : entryOf(row);
}

/** The effects that a transaction touches: read at once, changed in memory, written at once. */
export class TouchedEffects {
  readonly #rows: Map<string, StoredEffect>;
  readonly #begun = new Map<string, ChangedEffect>();
  readonly #changed = new Map<string, ChangedEffect>();

  private constructor(rows: Map<string, StoredEffect>) {
    this.#rows = rows;
  }

  static async prepare(query: Query, wishes: readonly Wish[]): Promise<TouchedEffects> {
    const keys = wishes.flatMap(({ lease: { run }, intent, answer }) =>
      [intent?.key, answer?.key].filter((key) => key !== undefined).map((key) => [run, key] as const),
    );
    if (keys.length === 0) return new TouchedEffects(new Map());
    const rows = await query<StoredEffect>(SELECT, [keys.map(([run]) => run), keys.map(([, key]) => key)]);
    return new TouchedEffects(new Map(rows.map((row) => [nameOf(row.run, row.key), row])));
  }

  refusal(run: string, intent: EffectIntent): ExpctlError | null {
    return intentRefusal(run, intent, this.#rows.get(nameOf(run, intent.key)));
  }

  /** One more sending, unless it was answered. */
  intend(run: string, { key, point, step, part, attempt }: EffectIntent, now_ms: number): LedgerEntry {
    const name = nameOf(run, key);
    const before = this.#rows.get(name);
    if (before === undefined) {
      const row = { run, key, point, step, part, attempt, sendings: 1, answer: null, now_ms };
      this.#begun.set(name, row);
      this.#rows.set(name, row);
    } else if (before.answer === null) this.#change({ ...before, sendings: before.sendings + 1, now_ms });
    const { run: _run, ...row } = this.#rows.get(name)!;
    return entryOf(withoutTime(row));
  }

  /** @param text of the answer, in canonical form; @returns what counts, null where nothing was intended */
  answer(run: string, key: string, text: string, now_ms: number): EffectAnswer | null {
    const before = this.#rows.get(nameOf(run, key));
    if (before === undefined) return null;
    if (before.answer !== null) return answerIn(before.answer);
    this.#change({ ...before, answer: text, now_ms });
    return answerIn(text);
  }

  async write(query: Query): Promise<void> {
    const begun = [...this.#begun.values()];
    if (begun.length > 0) {
      const column = <K extends keyof ChangedEffect>(name: K) => begun.map((row) => row[name]);
      const columns = [
        column('run'),
        column('key'),
        column('point'),
        column('step'),
        column('part'),
        column('attempt'),
      ];
      await query(INSERT, [...columns, column('now_ms')]);
    }
    const changed = [...this.#changed.values()];
    if (changed.length === 0) return;
    const column = <K extends keyof ChangedEffect>(name: K) => changed.map((row) => row[name]);
    await query(UPDATE, [column('run'), column('key'), column('sendings'), column('answer'), column('now_ms')]);
  }

  #change(row: ChangedEffect): void {
    const name = nameOf(row.run, row.key);
    this.#rows.set(name, row);
    this.#changed.set(name, row);
  }
}

function withoutTime(row: EffectRow & { readonly now_ms?: number }): EffectRow {
  const { now_ms: _now, ...rest } = row;
  return rest;
}

function nameOf(run: string, key: string): string {
  return JSON.stringify([run, key]);
}
