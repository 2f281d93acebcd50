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
  readonly kind: 'pause' | 'resume' | 'cancel' | 'gate';
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
  runs(): Promise<readonly RunRow[]>;
  usesOf(request_sha256: string): Promise<number>;
  inbox(run: string): Promise<readonly InboxMessage[]>;
  /** Who performs the run. */
  holder(run: string): Promise<RunHolder>;
  close(): Promise<void>;
}

/** Whether a process performs a run: `gone` died without giving it back, `unknown` cannot be seen from here. */
export interface RunHolder {
  readonly state: 'live' | 'gone' | 'unknown' | 'nobody';
  readonly pid: number | null;
  readonly machine: string | null;
}

/** The truth of runs. Asynchronous, so that other stores can stand behind it. Throws ExpctlError STORE_UNUSABLE. */
export interface JournalStore extends JournalReader {
  /**
   * Creates a run, counts one use of its request, and appends its first events, in one transaction.
   * APPROVAL_USED when `max_runs` uses of the request are already counted; USAGE when there is a run of that id.
   */
  createRun(run: RunRow, max_runs: number, first: readonly NewEvent[]): Promise<Result<Lease>>;
  /**
   * Takes the lease of a run whose holder is gone. RUN_LOCKED while another live process holds it, and also when nobody can tell
   * from here (another machine or container), unless a person says by `take_over` that the holder is gone. NOT_FOUND.
   */
  acquire(run: string, options?: { take_over?: boolean }): Promise<Result<Lease>>;
  release(lease: Lease): Promise<void>;
  /**
   * Appends all events in one durable transaction, in order; concurrent calls share a commit (group commit).
   * Resolves once they are durable, with their rows. The writer adds `head` to the observed part of `point.finished`:
   * the hash of the last event of that point's stream, null if it has none. Throws RUN_LOCKED once the lease is another's.
   */
  append(lease: Lease, events: readonly NewEvent[]): Promise<readonly JournalRow[]>;
  /** Throws NOT_FOUND if there is no such run. */
  post(run: string, kind: InboxMessage['kind'], body: JsonObject): Promise<number>;
  /** Calls back when the run has new messages, those included that were there before; returns the way to stop it. */
  onInbox(run: string, callback: () => void): () => void;
  /** Removes a message, once what it led to is in the journal. */
  acknowledge(id: number): Promise<void>;
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
  /** Folder of this effect, made by the engine, for tools that work on files. */
  readonly work_folder: string;
  /** Upper limit of one sending; the kernel's deadline is the plan's. */
  readonly timeout_s: number;
  readonly signal: AbortSignal;
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
  /** Calls back once after the time has passed; returns the way to cancel it. */
  after(seconds: number, fire: () => void): () => void;
}
