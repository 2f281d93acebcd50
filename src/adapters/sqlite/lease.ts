import type { EngineHolder } from '../../engines/temporal/ports.ts';

/** Who this process is, and whether another one on this machine still lives; passed in so that tests can play other machines. */
export interface ProcessFacts {
  /** Name and identity of the machine. */
  readonly machine: string;
  /** Identity of the machine's present boot; empty where process start times are dates (macOS). */
  readonly boot: string;
  /** Identity of the process-id namespace: in another container the same number is another process. */
  readonly namespace: string;
  readonly pid: number;
  readonly started: string;
  /** When a process began, null if there is none (or only a zombie), `hidden` if there is one that cannot be looked at. */
  startedOf(pid: number): string | 'hidden' | null;
}

/** What a lease says of its holder. */
export interface Holder {
  readonly machine: string;
  readonly boot: string;
  readonly namespace: string;
  readonly pid: number;
  readonly started: string;
}

/** What stands before the place where a cluster is. No machine has a colon in its name, and no process the number 0. */
const CLUSTER = 'temporal:';

/** All workers of a cluster, as the one holder of a lease. */
export function clusterHolder({ engine, place }: EngineHolder): Holder {
  return { machine: `${engine}:${place}`, boot: '', namespace: '', pid: 0, started: '' };
}

/** The cluster that holds a lease; null where a process does. */
export function clusterOf({ machine, pid }: Pick<Holder, 'machine' | 'pid'>): EngineHolder | null {
  if (pid !== 0 || !machine.startsWith(CLUSTER)) return null;
  return { engine: 'temporal', place: machine.slice(CLUSTER.length) };
}

/**
 * Whether the holder of a lease lives. A number alone proves nothing: numbers are used again, so the start time has to agree.
 * `unknown` wherever this process cannot see the holder: such a lease is never taken silently. A cluster cannot be seen either, and is
 * taken to work: its runs are granted tokens, and nobody takes them until it gives them back.
 */
export function holderState(holder: Holder, here: ProcessFacts): 'live' | 'dead' | 'unknown' {
  if (clusterOf(holder) !== null) return 'live';
  if (holder.machine !== here.machine) return 'unknown';
  if (holder.boot !== here.boot) return 'dead';
  if (holder.namespace !== here.namespace) return 'unknown';
  const started = here.startedOf(holder.pid);
  if (started === 'hidden') return 'unknown';
  return started === holder.started ? 'live' : 'dead';
}

/**
 * Start time, in ticks since boot, out of /proc/PID/stat; null for a zombie, which does nothing any more.
 *
 * Source: proc(5): field 2 is the name in parentheses, which may hold anything, field 3 the state, field 22 the start time.
 */
export function parseProcStat(text: string): string | null {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields[0], fields[19]];
  if (state === undefined || started === undefined || !/^\d+$/.test(started)) return null;
  return state === 'Z' || state === 'X' ? null : started;
}
