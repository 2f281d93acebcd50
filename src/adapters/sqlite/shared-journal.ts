import type Database from 'better-sqlite3';
import { err, ok, type Result } from '../../base/result.ts';
import type { Lease, NewEvent, RunRow } from '../../engines/ports.ts';
import type {
  EffectAnswer,
  EngineHolder,
  LedgerEntry,
  SharedJournal,
  SharedRun,
  SharedTurn,
  TurnWritten,
} from '../../engines/temporal/ports.ts';
import type { JournalRow } from '../../ir/events.ts';
import { answerText, assertIntent, neverIntended } from '../journal-rows/effects.ts';
import type { Session } from './connection.ts';
import { journalFile, openDatabase } from './database.ts';
import { Ledger } from './ledger.ts';
import { addNumbered, type PreparedTail, prepareTail } from '../journal-rows/numbered-events.ts';
import { type JournalDeps, SqliteStore } from './store.ts';

type PreparedTurn = Omit<SharedTurn, 'tails'> & { readonly tails: readonly PreparedTail[]; readonly now_ms: number };

/** The journal of a folder (`.expctl`) for workers; the file is opened, and made, when it is first needed. */
export function openSharedJournal(folder: string, deps: JournalDeps): SharedJournal {
  return new SqliteSharedJournal(() => openDatabase(folder), journalFile(folder), deps);
}

/** What is asked of the tables for shared runs alone. */
interface Shelf {
  readonly ledger: Ledger;
  readonly rowAt: Database.Statement<unknown[], Pick<JournalRow, 'type' | 'body'>>;
  readonly obeyed: Database.Statement;
}

/**
 * SharedJournal over one SQLite connection, in each worker one (J1 to J3 of `SqliteStore`). Other workers append to the same runs: what is
 * remembered of a run counts only as long as nobody else commits. Everything that may be refused about a call is looked at before it
 * writes, so that it fails alone.
 */
export class SqliteSharedJournal extends SqliteStore implements SharedJournal {
  #shelf: Shelf | null = null;

  async createShared(
    run: RunRow,
    holder: EngineHolder,
    max_runs: number,
    first: readonly NewEvent[],
    pools: Readonly<Record<string, number>>,
  ): Promise<Result<Lease>> {
    return this.begin({ run, max_runs, first, pools, cluster: holder });
  }

  async sharedRun(run: string): Promise<Result<SharedRun>> {
    return this.connection.ask(({ leases }) => leases.shared(run));
  }

  async sharedRuns(): Promise<readonly SharedRun[]> {
    return this.connection.ask(({ leases, reader }) =>
      leases.allShared().filter(({ lease }) => reader.lastRow(lease.run, 'study')?.type !== 'run.finished'),
    );
  }

  async acquireShared(run: string, holder: EngineHolder): Promise<Result<Lease>> {
    return this.connection.transaction(({ leases, events }) => {
      events.forget(run);
      return leases.acquire(run, this.clock.now_ms(), { cluster: holder });
    });
  }

  async commit(lease: Lease, { tails, exchange, intent, obeyed }: SharedTurn): Promise<TurnWritten> {
    this.connection.refuseIfBroken();
    const now_ms = this.clock.now_ms();
    const prepared = tails.map((tail) => prepareTail(tail, now_ms));
    if (intent !== undefined) assertIntent(intent);
    return this.queue.call(lease, (session) =>
      this.#write(session, lease, { tails: prepared, exchange, intent, obeyed, now_ms }),
    );
  }

  async answer(lease: Lease, key: string, answer: EffectAnswer): Promise<EffectAnswer> {
    this.connection.refuseIfBroken();
    const text = answerText(answer);
    const now_ms = this.clock.now_ms();
    return this.queue.call(lease, (session) => {
      const counts = this.#shelfOf(session).ledger.answer(lease.run, key, text, now_ms);
      return counts === null ? err(neverIntended(lease.run, key)) : ok(() => counts);
    });
  }

  async effect(run: string, key: string): Promise<LedgerEntry | null> {
    return this.connection.ask((session) => this.#shelfOf(session).ledger.entry(run, key));
  }

  #write(session: Session, lease: Lease, turn: PreparedTurn): Result<() => TurnWritten> {
    const { events, pools } = session;
    const { ledger, rowAt, obeyed } = this.#shelfOf(session);
    const { run } = lease;
    events.noticeOthers();
    const sequel = events.sequel(lease);
    const refusal =
      addNumbered(sequel, turn.tails, (stream, seq) => rowAt.get(run, stream, seq)) ??
      (turn.intent === undefined ? null : ledger.refusal(run, turn.intent));
    if (refusal !== null) return err(refusal);
    // A turn that is written again, perhaps long after, gave its tokens back then: what has them now may be another attempt.
    const again = sequel.chained.length === 0 && turn.tails.some((tail) => tail.events.length > 0);
    if (turn.exchange !== undefined && !again) {
      const misuse = pools.exchange(run, turn.exchange, turn.now_ms);
      if (misuse !== null) return err(misuse);
    }
    const rows = events.insert(sequel);
    this.log.appended(rows.length);
    if (rows.some(({ type }) => type === 'run.finished')) pools.end(run);
    const effect = turn.intent === undefined ? null : ledger.intend(run, turn.intent, turn.now_ms);
    for (const id of turn.obeyed ?? []) obeyed.run(id, run);
    return ok(() => ({ rows, effect }));
  }

  #shelfOf({ database }: Session): Shelf {
    this.#shelf ??= {
      ledger: new Ledger(database),
      rowAt: database.prepare('SELECT type, body FROM events WHERE run = ? AND stream = ? AND seq = ?'),
      obeyed: database.prepare('DELETE FROM inbox WHERE id = ? AND run = ?'),
    };
    return this.#shelf;
  }
}
