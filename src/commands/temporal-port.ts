import type { Result } from '../base/result.ts';
import type { ArtifactStore } from '../engines/ports.ts';
import type { WorkerDeps } from '../engines/temporal/activities.ts';
import type { Cluster, RunningWorker, WorkerWishes } from '../engines/temporal/cluster.ts';
import type { TemporalFlags } from './temporal-options.ts';

/** A Temporal server, as commands may know it: what is secret stays with the adapter that made it. */
export interface TemporalPlace {
  readonly address: string;
  readonly namespace: string;
  /** What named the address; `server`: `expctl server up` started it for this store. */
  readonly from: 'flag' | 'environment' | 'profile' | 'server' | 'default';
}

/** What a server says of itself. */
export interface TemporalFacts {
  readonly version: string;
  readonly namespace_exists: boolean;
  /** Names that it does not know; null where it does not say. */
  readonly missing_search_attributes: readonly string[] | null;
  /** How many workers poll the task queue. */
  readonly workers: number;
}

/** A server that `expctl server up` started. */
export interface TemporalServer {
  readonly pid: number;
  readonly address: string;
  readonly ui: string | null;
  readonly db: string | null;
  readonly version: string | null;
}

export interface TemporalUpOptions {
  readonly store: string;
  readonly port?: number | undefined;
  readonly ui_port?: number | undefined;
  readonly headless: boolean;
  readonly ephemeral: boolean;
  readonly signal: AbortSignal;
}

/** Temporal, as commands need it. */
export interface TemporalAccess {
  /** Where it is; connects to nothing. ENGINE_UNAVAILABLE where the store's own server has ended. */
  place(flags: TemporalFlags, store: string): Promise<Result<TemporalPlace>>;
  /** Asks it, for at most a few seconds. */
  probe(place: TemporalPlace, task_queue: string | null): Promise<Result<TemporalFacts>>;
  /** Connects. @param artifacts of the store: large payloads lie there */
  cluster(place: TemporalPlace, artifacts: ArtifactStore): Promise<Result<Cluster>>;
  /** Starts a worker in this process. */
  worker(
    place: TemporalPlace,
    deps: Omit<WorkerDeps, 'draining' | 'wrote'>,
    wishes: WorkerWishes,
  ): Promise<Result<RunningWorker>>;
  /** The server that was started for a store, and whether that very process lives; null if there is none. */
  server(
    store: string,
  ): Promise<Result<{ readonly state: TemporalServer; readonly life: 'live' | 'dead' | 'unknown' } | null>>;
  up(options: TemporalUpOptions): Promise<Result<{ readonly server: TemporalServer; readonly was_running: boolean }>>;
  down(store: string): Promise<
    Result<{
      readonly was: 'running' | 'gone' | 'none';
      readonly server: TemporalServer | null;
      readonly killed: boolean;
    }>
  >;
}
