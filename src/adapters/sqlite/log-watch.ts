import { statSync } from 'node:fs';

/** A write-ahead log of this size means that something keeps it from being taken into the database. */
const LARGE_BYTES = 64 * 1024 * 1024;
const EVENTS_BETWEEN_LOOKS = 2_000;

/**
 * Looks now and then at the size of the write-ahead log. It grows while anybody reads in one long transaction (a backup tool, say):
 * nothing is lost, but the disk fills up.
 */
export class LogWatch {
  readonly #log: string;
  readonly #tell: (text: string) => void;
  #events = 0;
  #told_bytes = LARGE_BYTES / 2;

  constructor(file: string, tell: (text: string) => void) {
    this.#log = `${file}-wal`;
    this.#tell = tell;
  }

  /** Told once the log is large, and again whenever it has doubled. */
  appended(events: number): void {
    this.#events += events;
    if (this.#events < EVENTS_BETWEEN_LOOKS) return;
    this.#events = 0;
    const bytes = sizeOf(this.#log);
    if (bytes < 2 * this.#told_bytes) return;
    this.#told_bytes = bytes;
    const size = `${Math.round(bytes / 2 ** 20)} MiB`;
    this.#tell(
      `The journal's write-ahead log has ${size}: another program has been reading it for long (a backup?). Nothing is lost; end it before the disk is full.`,
    );
  }
}

/** 0 where there is none, or it cannot be looked at: that is no reason to stop writing. */
function sizeOf(file: string): number {
  try {
    return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}
