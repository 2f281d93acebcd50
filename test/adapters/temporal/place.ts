import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporalConnection, type TemporalFlags } from '../../../src/adapters/temporal/connection.ts';
import { serverStateFile } from '../../../src/adapters/temporal/server-state.ts';
import { thisProcess } from '../../../src/adapters/sqlite/process-facts.ts';

/** A home and a store of a test. */
export interface Surroundings {
  readonly folder: string;
  readonly home: string;
  readonly store: string;
  write(path: string, text: string, mode?: number): string;
  place(flags?: TemporalFlags, env?: Readonly<Record<string, string>>): ReturnType<typeof temporalConnection>;
}

export function surroundings(): Surroundings {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'expctl-temporal-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [home, store] = [join(folder, 'home'), join(folder, 'store')];
  return {
    ...{ folder, home, store },
    write(path, text, mode = 0o644) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, { mode });
      return file;
    },
    place: (flags = {}, env = {}) => temporalConnection({ flags, env, home, store }),
  };
}

export const PROFILE_FILE = 'home/.config/temporalio/temporal.toml';

/** The state file of a server that is this very process, unless it is said otherwise. */
export function writeState(store: string, other: Readonly<Record<string, unknown>> = {}): void {
  const { startedOf: _, ...self } = thisProcess();
  const server = { address: '127.0.0.1:7299', ui: null, db: null, version: '1.2.3' };
  mkdirSync(dirname(serverStateFile(store)), { recursive: true });
  writeFileSync(serverStateFile(store), JSON.stringify({ ...self, ...server, ...other }));
}
