import type { Signer } from '../approval/signer.ts';
import type { Trust } from '../approval/trust.ts';
import type { Result } from '../base/result.ts';
import type {
  ArtifactStore,
  Clock,
  JournalReader,
  JournalStore,
  PoolReader,
  ToolDiscovery,
  ToolHost,
} from '../engines/ports.ts';
import type { SharedJournal } from '../engines/temporal/ports.ts';
import type { JsonObject } from '../base/json.ts';
import type { Model, ModelWishes } from '../planner/ports.ts';
import type { StoredJournal } from '../provenance/ports.ts';
import type { TemporalAccess } from './temporal-port.ts';

/** Files, as commands need them. Failures are FILE_UNREADABLE with the path in the message. */
export interface Files {
  /** A regular file of at most 256 MiB, unless fewer bytes are allowed. */
  read(path: string, most_bytes?: number): Promise<Result<Uint8Array>>;
  /** Written whole or not at all: to a temporary file beside it, synced, renamed. Makes the folder. */
  write(
    path: string,
    bytes: Uint8Array | string,
    options?: { mode?: number; exclusive?: boolean },
  ): Promise<Result<void>>;
  /**
   * Adds to the end of a file and syncs it; makes folder and file. With `behind_bytes`, what is in the file behind so many bytes is cut
   * off first: the beginning of something that a crash left unfinished.
   */
  append(path: string, text: string, options?: { mode?: number; behind_bytes?: number }): Promise<Result<void>>;
  exists(path: string): Promise<boolean>;
  /** Names in a folder, sorted; empty if there is none. */
  list(folder: string): Promise<readonly string[]>;
  /** Absolute path without symbolic links; the path itself, made absolute, if it does not exist. */
  real(path: string): Promise<string>;
  makeFolder(path: string): Promise<void>;
}

/** Standard streams of this process, and whether a person sits at them. */
export interface Terminal {
  /** Data that was asked for; nothing else. */
  out(text: string): void;
  /** Everything else: progress, notices, hints. */
  note(text: string): void;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Standard input and output are a terminal, TERM is not dumb, and CI is not set. */
  readonly interactive: boolean;
  /** Whether colours are wanted on standard output, and on standard error. */
  readonly colour: { readonly out: boolean; readonly err: boolean };
  /** Resolves once everything that was written has left. */
  flush(): Promise<void>;
  /** Width of the terminal, or 80. */
  readonly columns: number;
}

/** A process that goes on when this one ends. */
export interface DetachedProcess {
  readonly pid: number;
  /** How it ended: its exit status, or the signal's name; null while it runs. */
  ended(): number | string | null;
}

export interface ToolsOptions {
  /** Relative paths of tools start here. */
  readonly project_folder: string;
  readonly artifacts: ArtifactStore;
  readonly onLog?: (tool: string, line: string) => void;
}

/**
 * What commands can reach: every adapter behind a function, so that it is loaded when it is used. `main.ts` makes the one real App.
 */
export interface App {
  readonly version: string;
  readonly cwd: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  readonly files: Files;
  readonly clock: Clock;
  randomBytes(count: number): Uint8Array;
  /** The journal of a store folder, for the process that writes it; made when it is first written. */
  openJournal(store: string, clock?: Clock): Promise<JournalStore & PoolReader>;
  /** The same for workers of a cluster, which share its runs. */
  openSharedJournal(store: string, clock?: Clock): Promise<SharedJournal>;
  /** For readers: NOT_FOUND if there is no store. */
  openReader(store: string): Promise<Result<JournalReader & PoolReader>>;
  /** The journal as it is, sound or not, to look whether it holds. NOT_FOUND if there is no store; throws CorruptStore. */
  openEvidence(store: string): Promise<Result<StoredJournal>>;
  /** @param journal of the process that performs a run: what its tools answer in few bytes is kept there */
  artifacts(store: string, journal?: JournalStore): Promise<ArtifactStore>;
  /** STORE_UNUSABLE where the library cannot be loaded, or its version can lose commits. */
  sqliteVersion(): Promise<Result<string>>;
  tools(options: ToolsOptions): Promise<ToolHost & ToolDiscovery>;
  /** Temporal, where it is and the server of a store; nothing is reached before it is asked. */
  temporal(): Promise<TemporalAccess>;
  /** The language model that drafts plans. MODEL_UNAVAILABLE where there is no key. */
  model(wishes: ModelWishes): Promise<Result<Model>>;
  /** The trust policy by `--trust`, EXPCTL_TRUST, the user's or the machine's; never from inside the project. */
  trust(flag: string | undefined, project: string | null): Promise<Result<Trust & { readonly path: string }>>;
  userTrustPath(): Promise<string>;
  /** A built-in Ed25519 key (PEM), an SSH private key, or the public half of one that the agent holds. */
  signer(key_path: string): Promise<Result<Signer>>;
  /** Host, versions, git commit: kept beside what a run observes. */
  hostFacts(project: string): Promise<JsonObject>;
  /** Starts expctl itself, detached from this terminal, its output appended to the file. */
  detach(args: readonly string[], log_file: string): Promise<DetachedProcess>;
  /** The status with which the process will end, once the command is done; 0 unless said otherwise. */
  exit(code: number): void;
  /** Calls back on SIGINT and SIGTERM; returns the way to stop listening. */
  onInterrupt(callback: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
}
