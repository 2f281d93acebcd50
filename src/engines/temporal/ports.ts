import type { JsonObject } from '../../base/json.ts';
import type { Result } from '../../base/result.ts';
import type { EffectPart, JournalRow, Observed, Outcome, RunEvent } from '../../ir/events.ts';
import type { JournalReader, Lease, NewEvent, PoolArbiter, PoolExchange, PoolReader, RunRow } from '../ports.ts';

/*
 * The store of a run that no single process performs: activities of many workers write it, each at least once.
 */

/** Where a run is performed, as its lease says: all workers of that cluster share it, and nobody else takes it. */
export interface EngineHolder {
  readonly engine: 'temporal';
  /** `host:port/namespace`, for people. */
  readonly place: string;
}

/** Events of one stream with their numbers, so that whoever appends them twice has appended them once. */
export interface NumberedEvents {
  readonly stream: string;
  readonly first_seq: number;
  readonly events: readonly { readonly event: RunEvent; readonly observed: Observed }[];
}

/** An effect that is about to be sent. */
export interface EffectIntent {
  readonly key: string;
  readonly point: number;
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
}

/** How an effect ended, with what was observed of it. */
export interface EffectAnswer {
  readonly outcome: Outcome;
  readonly observed: JsonObject;
}

/** What the ledger says of an effect: it decides what was sent. */
export interface LedgerEntry extends EffectIntent {
  /** How often an intent to send it was committed. */
  readonly sendings: number;
  /** null while nobody knows. */
  readonly answer: EffectAnswer | null;
}

/** What is written in one transaction: all of it, or nothing. */
export interface SharedTurn {
  readonly tails: readonly NumberedEvents[];
  /** Tokens given back, bound and wanted because of these events. */
  readonly exchange?: PoolExchange | undefined;
  /** The effect that is sent once this is durable: its number of sendings grows by one, unless it was answered already. */
  readonly intent?: EffectIntent | undefined;
  /** Messages that led to these events, to be removed. */
  readonly obeyed?: readonly number[] | undefined;
}

export interface TurnWritten {
  /** The rows that were not there before. */
  readonly rows: readonly JournalRow[];
  /** What the ledger says of `intent` behind this transaction. */
  readonly effect: LedgerEntry | null;
}

/** A run that workers perform. */
export interface SharedRun {
  readonly lease: Lease;
  readonly holder: EngineHolder;
}

/**
 * Truth of runs that are performed by a cluster. Throws ExpctlError STORE_UNUSABLE.
 *
 *   T1. Events are appended once: those that stand in the journal already must be the same in type and body (what is observed may differ,
 *       and stays as it was written first), else EVIDENCE_BROKEN; a gap is EVIDENCE_BROKEN too. `point.finished` gets its `head` as in
 *       `JournalStore.append`.
 *   T2. An answer in the ledger is never changed: the first one counts.
 *   T3. Nothing is written once the run is another engine's (RUN_LOCKED).
 */
export interface SharedJournal
  extends JournalReader,
    PoolReader,
    Pick<PoolArbiter, 'exchangeTokens' | 'reconcileTokens'> {
  /** As `JournalStore.createRun`; the lease is that of all workers of the engine. */
  createShared(
    run: RunRow,
    holder: EngineHolder,
    max_runs: number,
    first: readonly NewEvent[],
    pools: Readonly<Record<string, number>>,
  ): Promise<Result<Lease>>;
  /** The lease under which workers write a run. NOT_FOUND; RUN_LOCKED where it is not performed by such an engine. */
  sharedRun(run: string): Promise<Result<SharedRun>>;
  /** Runs that such an engine performs and that have not ended. */
  sharedRuns(): Promise<readonly SharedRun[]>;
  /**
   * Takes a run that nobody performs (it was released, or its process is seen to be gone) for a cluster. RUN_LOCKED, NOT_FOUND as
   * `JournalStore.acquire`.
   */
  acquireShared(run: string, holder: EngineHolder): Promise<Result<Lease>>;
  /** Gives a shared run back, so that another engine, or another cluster, can take it. */
  release(lease: Lease): Promise<void>;
  /** One durable transaction; concurrent calls share a commit. Throws RUN_LOCKED (T3), EVIDENCE_BROKEN (T1): the call alone fails. */
  commit(lease: Lease, turn: SharedTurn): Promise<TurnWritten>;
  /** Writes how an effect ended, durably; returns what counts (T2). Throws RUN_LOCKED, NOT_FOUND where no intent was written. */
  answer(lease: Lease, key: string, answer: EffectAnswer): Promise<EffectAnswer>;
  /** What the ledger says of an effect; null if it was never intended. */
  effect(run: string, key: string): Promise<LedgerEntry | null>;
  /** Few bytes beside the rows, as `JournalStore.keepSmallArtifact`. */
  keepSmallArtifact(sha256: string, bytes: Uint8Array): void;
}
