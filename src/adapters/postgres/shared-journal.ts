import type { Result } from '../../base/result.ts';
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
import type { DatabaseAddress } from '../../engines/store-url.ts';
import { answerText, assertIntent } from '../journal-rows/effects.ts';
import { sharedIn } from '../journal-rows/leases.ts';
import { prepareTail } from '../journal-rows/numbered-events.ts';
import { effectOf } from './effects.ts';
import { acquireRun, leaseOf, sharedRuns } from './leases.ts';
import { type PostgresDeps, PostgresStore } from './store.ts';

/** The journal of a database for workers on any host; it is connected to, and its tables are made, when it is first needed. */
export function openPostgresSharedJournal(address: DatabaseAddress, deps: PostgresDeps): PostgresSharedJournal {
  return new PostgresSharedJournal(address, deps);
}

/** SharedJournal in PostgreSQL (J1 to J3 of `PostgresStore`). */
export class PostgresSharedJournal extends PostgresStore implements SharedJournal {
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
    return sharedIn(run, await leaseOf(this.ask, run));
  }

  async sharedRuns(): Promise<readonly SharedRun[]> {
    return sharedRuns(this.ask);
  }

  async acquireShared(run: string, holder: EngineHolder): Promise<Result<Lease>> {
    const now_ms = this.clock.now_ms();
    return this.transaction((query) => acquireRun(query, run, { cluster: holder, now_ms }, this.here));
  }

  async commit(lease: Lease, { tails, exchange, intent, obeyed }: SharedTurn): Promise<TurnWritten> {
    const now_ms = this.clock.now_ms();
    const prepared = tails.map((tail) => prepareTail(tail, now_ms));
    if (intent !== undefined) assertIntent(intent);
    const { rows, effect } = await this.queue.call({ lease, tails: prepared, exchange, intent, obeyed, now_ms });
    return { rows, effect };
  }

  async answer(lease: Lease, key: string, answer: EffectAnswer): Promise<EffectAnswer> {
    const text = answerText(answer);
    const done = await this.queue.call({ lease, answer: { key, text }, now_ms: this.clock.now_ms() });
    return done.answer!;
  }

  async effect(run: string, key: string): Promise<LedgerEntry | null> {
    return effectOf(this.ask, run, key);
  }
}
