import { hash } from 'node:crypto';
import type Database from 'better-sqlite3';
import type { Lease, Snapshot } from '../../engines/ports.ts';
import type { Leases } from './leases.ts';

/** A snapshot that waits for the next commit. */
export interface KeptSnapshot {
  readonly lease: Lease;
  readonly snapshot: Snapshot;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The table of snapshots; written within a transaction that the caller opened. */
export class Snapshots {
  readonly #leases: Leases;
  readonly #replace: Database.Statement;

  constructor(database: Database.Database, leases: Leases) {
    this.#leases = leases;
    this.#replace = database.prepare(
      `INSERT INTO snapshots (run, position, sha256, body) VALUES (@run, @position, @sha256, @body)
       ON CONFLICT (run) DO UPDATE SET position = excluded.position, sha256 = excluded.sha256, body = excluded.body`,
    );
  }

  /** Whoever has lost the lease knows nothing of the run any more. */
  write({ lease, snapshot: { position, body } }: KeptSnapshot): void {
    if (this.#leases.lost(lease) !== null) return;
    this.#replace.run({ run: lease.run, position, sha256: hash('sha256', body), body });
  }
}
