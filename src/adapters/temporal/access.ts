import type { ArtifactStore } from '../../engines/ports.ts';
import { openCluster } from './client.ts';
import { connect, type TemporalFlags, type TemporalPlace, temporalConnection } from './connection.ts';
import { down, up, type UpOptions } from './dev-server.ts';
import { probe } from './probe.ts';
import { thisProcess } from '../sqlite/process-facts.ts';
import { readServer } from './server-state.ts';
import type { startWorker } from './worker.ts';

export interface TemporalSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly note: (text: string) => void;
}

/** Temporal as commands reach it (the port `App.temporal`). */
export function temporalAccess({ env, home, note }: TemporalSurroundings) {
  return {
    place: (flags: TemporalFlags, store: string) => temporalConnection({ flags, env, home, store }),
    connect: (place: TemporalPlace) => connect(place),
    probe: (place: TemporalPlace, task_queue: string | null) => probe(place, task_queue),
    cluster: (place: TemporalPlace, artifacts: ArtifactStore) => openCluster(place, artifacts),
    worker: async (...args: Parameters<typeof startWorker>) => (await import('./worker.ts')).startWorker(...args),
    server: (store: string) => readServer(store, thisProcess()),
    up: (options: Omit<UpOptions, 'env' | 'home' | 'note'>) => up({ ...options, env, home, note }),
    down: (store: string) => down(store),
  };
}
