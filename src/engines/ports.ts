import type { Json, JsonObject } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import type { ArtifactRef, JournalRow, Observed, RunEvent } from '../ir/events.ts';
import type { LockedTool } from '../ir/lock.ts';
import type { PinnedTool, ToolDeclaration } from '../ir/tools.ts';

/** An event on its way into the journal. */
export interface NewEvent {
  readonly stream: string;
  readonly event: RunEvent;
  readonly observed: Observed;
}

/** What a run is, as the store lists it. */
export interface RunRow {
  readonly run: string;
  readonly name: string;
  readonly lock_sha256: string;
  readonly request_sha256: string;
  readonly created_ms: number;
}

/** A message for the process that performs a run, from any other process. */
export interface InboxMessage {
  readonly id: number;
  readonly run: string;
  /** `clock` is left by a performance that ended since the clock was set forward: whoever resumes has to look at it first. */
  readonly kind: 'pause' | 'resume' | 'cancel' | 'gate' | 'resolve' | 'retry' | 'clock';
  readonly body: JsonObject;
}

/** Taken by the one process that performs a run; every append carries the fence, a lower one is refused. */
export interface Lease {
  readonly run: string;
  readonly fence: number;
}

/** What any process may know of runs; creates nothing and waits for nobody. Throws ExpctlError STORE_UNUSABLE. */
export interface JournalReader {
  /** Ordered by position. */
  read(run: string, options?: { stream?: string; after_position?: number; limit?: number }): AsyncIterable<JournalRow>;
  head(run: string, stream: string): Promise<{ seq: number; hash: string } | null>;
  /** The last row of a stream, or of the whole run; null if there is none. One look, however long the journal. */
  last(run: string, stream?: string): Promise<JournalRow | null>;
  runs(): Promise<readonly RunRow[]>;
  usesOf(request_sha256: string): Promise<number>;
  /** Tells this store from every other one: 16 hexadecimal digits, drawn when it was made; null in one of an older version. */
  identity(): Promise<string | null>;
  inbox(run: string): Promise<readonly InboxMessage[]>;
  /** Who performs the run. */
  holder(run: string): Promise<RunHolder>;
  /** The latest snapshot of a run; null if there is none that is as it was written. */
  snapshot(run: string): Promise<Snapshot | null>;
  /** Bytes that were kept beside the rows, unchecked; null if there are none of that name. */
  smallArtifact(sha256: string): Promise<Uint8Array | null>;
  close(): Promise<void>;
}

/** Whether a process performs a run: `gone` died without giving it back, `unknown` cannot be seen from here. */
export interface RunHolder {
  readonly state: 'live' | 'gone' | 'unknown' | 'nobody';
  readonly pid: number | null;
  readonly machine: string | null;
  /** Present where no process but a cluster performs the run: `machine` is its place, and there is no `pid`. */
  readonly engine?: 'temporal';
}

/**
 * The state of a run behind one of its rows, so that resuming need not fold all that came before. A cache: whatever is proved is
 * recomputed from the rows.
 */
export interface Snapshot {
  /** Everything up to this row is in it. */
  readonly position: number;
  /** JSON; the engine knows what it means. */
  readonly body: string;
}

/** Tokens that a step of a run wants, all or nothing. */
export interface PoolWant {
  readonly point: number;
  readonly step: string;
  readonly attempt: number;
  readonly uses: Readonly<Record<string, number>>;
}

/** One step of a run, as the holder of tokens. */
export interface PoolHolder {
  readonly point: number;
  readonly step: string;
}

/** Tokens that a run was given. The attempt tells a grant that crossed with a later want of the same step. */
export interface PoolGrant extends PoolHolder {
  readonly attempt: number;
}

/** What a run gives back to the pools of its store and asks of them, in one transaction; in this order. */
export interface PoolExchange {
  /** Given back, or no longer wanted. */
  readonly released: readonly PoolHolder[];
  /**
   * Whose `step.granted` was appended in this turn or before, with the key of the effect for which the tokens are held, once its intent
   * stands in the journal; null while nothing is sent yet (the point is paused). From here on the tokens are the run's, whatever becomes
   * of its process; a grant that was not taken is void when the process dies.
   */
  readonly bound: readonly (PoolHolder & { readonly key: string | null })[];
  readonly wanted: readonly PoolWant[];
}

/** What a run holds and wants by its journal. */
export interface OpenTokens {
  readonly held: readonly (PoolWant & { readonly key?: string | null })[];
  readonly wanted: readonly PoolWant[];
}

/** The pools of a store, shared by all of its runs. */
export interface PoolArbiter {
  /**
   * Takes part in the same commit as appends of this turn, behind them. Tokens given back are granted to whoever is next, in this
   * transaction. Returns what is granted to this run by it, the wants of earlier calls included. Throws RUN_LOCKED.
   */
  exchangeTokens(lease: Lease, exchange: PoolExchange): Promise<readonly PoolGrant[]>;
  /**
   * To be called when a run goes on: tokens of anything that its journal does not say it holds or wants are given back, wants are queued
   * anew in their old place. Returns what is granted, what was granted and not taken before included. Throws RUN_LOCKED.
   */
  reconcileTokens(lease: Lease, open: OpenTokens): Promise<readonly PoolGrant[]>;
  /** Calls back with what other processes' releases have granted to the run; returns the way to stop it. */
  onTokens(lease: Lease, callback: (granted: readonly PoolGrant[]) => void): () => void;
}

/** A step that holds tokens, or waits for some. */
export interface PoolClaimRow extends PoolWant {
  readonly run: string;
  /** Place in the order of arrival over all runs. */
  readonly arrival: number;
  /** How often something that came later was granted before it. */
  readonly overtaken: number;
  readonly wanted_ms: number;
  /** Since when it holds the tokens; null while it waits. */
  readonly held_ms: number | null;
  /** The grant stands in the run's journal, so that only the run gives the tokens back. */
  readonly taken: boolean;
  /** Key of the effect for which it holds them; null while nothing was sent. */
  readonly key: string | null;
}

/** What any process may know of a store's pools. Throws STORE_UNUSABLE. */
export interface PoolReader {
  /** Capacities by run, and all claims in order of arrival, as of one moment. */
  pools(): Promise<{
    readonly runs: readonly { readonly run: string; readonly pools: Readonly<Record<string, number>> }[];
    readonly claims: readonly PoolClaimRow[];
  }>;
}

/** The truth of runs. Asynchronous, so that other stores can stand behind it. Throws ExpctlError STORE_UNUSABLE. */
export interface JournalStore extends JournalReader, PoolArbiter {
  /**
   * Creates a run, counts one use of its request, and appends its first events, in one transaction. `pools` are the capacities that
   * its lock states: it is granted nothing that would take more of a pool, counted over the whole store.
   * APPROVAL_USED when `max_runs` uses of the request are already counted; USAGE when there is a run of that id.
   */
  createRun(
    run: RunRow,
    max_runs: number,
    first: readonly NewEvent[],
    pools?: Readonly<Record<string, number>>,
  ): Promise<Result<Lease>>;
  /**
   * Takes the lease of a run whose holder is gone. RUN_LOCKED while another live process holds it, and also when nobody can tell
   * from here (another machine or container), unless a person says by `take_over` that the holder is gone. NOT_FOUND.
   */
  acquire(run: string, options?: { take_over?: boolean }): Promise<Result<Lease>>;
  release(lease: Lease): Promise<void>;
  /**
   * RUN_LOCKED once the lease is another's. Asked as the last thing before an effect that must not happen twice: a process that stood
   * still between its intent and the sending must not send what another one has taken over.
   */
  holds(lease: Lease): Promise<Result<void>>;
  /**
   * Appends all events in one durable transaction, in order; concurrent calls share a commit (group commit).
   * Resolves once they are durable, with their rows. The writer adds `head` to the observed part of `point.finished`:
   * the hash of the last event of that point's stream, null if it has none. Throws RUN_LOCKED once the lease is another's.
   */
  append(lease: Lease, events: readonly NewEvent[]): Promise<readonly JournalRow[]>;
  /** Keeps a snapshot of a run in place of the one before, with the next commit; nothing is kept once the lease is another's. */
  keepSnapshot(lease: Lease, snapshot: Snapshot): Promise<void>;
  /** Keeps a few bytes beside the rows with the next commit, so no later than whatever is appended from here on. */
  keepSmallArtifact(sha256: string, bytes: Uint8Array): void;
  /** Throws NOT_FOUND if there is no such run. */
  post(run: string, kind: InboxMessage['kind'], body: JsonObject): Promise<number>;
  /**
   * Calls back when the run has new messages, those included that were there before, and once the lease is another's; returns the way
   * to stop it.
   */
  onInbox(lease: Lease, callback: () => void): () => void;
  /** Removes a message, once what it led to is in the journal. Throws RUN_LOCKED once the lease is another's, who has to obey it. */
  acknowledge(lease: Lease, id: number): Promise<void>;
}

/** Files known by their SHA-256; verified on every read (ARTIFACT_CORRUPT). */
export interface ArtifactStore {
  put(bytes: Uint8Array): Promise<{ sha256: string; bytes: number }>;
  putFile(path: string): Promise<{ sha256: string; bytes: number }>;
  get(sha256: string): Promise<Result<Uint8Array>>;
  has(sha256: string): Promise<boolean>;
}

/** One call of a tool, as the engine hands it to an adapter. */
export interface ToolCall {
  /** Name of the call within the tool. */
  readonly call: string;
  readonly arguments: JsonObject;
  /** The effect's key, 64 hexadecimal digits; goes to the tool as the tools file says. */
  readonly key: string;
  /** Folder of this effect alone, for tools that work on files; made by whoever starts such a tool. */
  readonly work_folder: string;
  /** Upper limit of one sending; the kernel's deadline is the plan's. */
  readonly timeout_s: number;
  /**
   * To be awaited as the last thing before anything reaches the tool. Rejects where nothing may: the run is another process's by now.
   * Absent for calls that leave nothing behind.
   */
  readonly begin?: (() => Promise<void>) | undefined;
  readonly signal: AbortSignal;
  /** Only the conformance kit wants one. */
  readonly fault?: SendingFault;
}

/** What a tool answered and nobody heard. */
export type Unheard =
  | { readonly kind: 'answer'; readonly answer: Json }
  | { readonly kind: 'failure'; readonly class: string; readonly message: string };

/**
 * A fault that is injected into one sending, between expctl and the tool:
 *   `drop_request`    the tool never gets it
 *   `drop_answer`     the answer is read, so the tool has executed, and is thrown away
 *   `hold_answer`     the same, but it arrives after all once it is released; of a program, whose answer is its end, as `drop_answer`
 *   `kill_on_answer`  the tool's process group is killed once its answer is there (of a program: once that begins) and before it is heard
 *   `kill_after`      the same, but no later than `after_ms` milliseconds after the request was written
 */
export interface SendingFault {
  readonly kind: 'drop_request' | 'drop_answer' | 'hold_answer' | 'kill_on_answer' | 'kill_after';
  readonly after_ms?: number;
  /**
   * Told once, when the fault has struck. A call whose request or answer was dropped stays out until its time is over or it is given up.
   *
   * @param unheard what the tool answered; null where it was given nothing or answered nothing
   * @param release lets an answer that was held arrive
   */
  readonly struck: (unheard: Unheard | null, release: () => void) => void;
}

/** How a sending ended. `lost` means that nobody knows whether the effect happened. */
export type CallEnd =
  | {
      readonly kind: 'answer';
      readonly answer: Json;
      readonly artifacts: readonly ArtifactRef[];
      readonly observed: Observed;
    }
  | { readonly kind: 'failure'; readonly class: string; readonly message: string; readonly observed: Observed }
  | {
      readonly kind: 'lost';
      /** `timeout`: the tool lives and did not answer in time; `died`: it ended, or the connection to it did. */
      readonly reason: 'timeout' | 'died';
      readonly message: string;
      readonly observed: Observed;
    };

/** A tool that was started and whose contract was compared with its pin. */
export interface ToolSession {
  call(call: ToolCall): Promise<CallEnd>;
  /** Ends the tool's process group. */
  close(): Promise<void>;
}

/** Starts tools: only approved runs, `tools add|pin|test`, `doctor` and `plan --try` may. */
export interface ToolHost {
  /**
   * Starts the tool and compares contract, program digests and version probe with the pin.
   * TOOL_UNAVAILABLE when it does not start (with its standard error), TOOL_DRIFT when anything pinned differs.
   */
  open(tool: LockedTool): Promise<Result<ToolSession>>;
}

/** Starts a tool to learn its contract: for `tools add` and `tools pin`. */
export interface ToolDiscovery {
  /** Contract, program digests and probe answer of every declared call; of all calls where `calls` is empty. */
  discover(name: string, declaration: ToolDeclaration): Promise<Result<PinnedTool>>;
}

/** Time and identity of this process, passed in so that tests can hold them still. */
export interface Clock {
  now_ms(): number;
  /** Milliseconds since some moment of this boot: never set, never goes back. */
  monotonic_ms(): number;
  /** Calls back once after the time has passed; returns the way to cancel it. */
  after(seconds: number, fire: () => void): () => void;
}
