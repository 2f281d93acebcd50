/** `PRAGMA application_id` of a journal: "EXPC". */
export const APPLICATION_ID = 0x45585043;

/** `PRAGMA user_version`: a newer one is refused, since only a newer expctl knows what it means. */
export const SCHEMA_VERSION = 3;

/** What makes a table one that is only ever added to. */
function appendOnly(table: string): string[] {
  return ['DELETE', 'UPDATE'].map(
    (change) => `
CREATE TRIGGER ${table}_${change === 'DELETE' ? 'stay' : 'hold'} BEFORE ${change} ON ${table}
BEGIN SELECT RAISE(ABORT, '${table} is append-only'); END;
`,
  );
}

/**
 * The store of version 1. `events.position` is the rowid, so that it grows over all runs; a run reads its own by `events_of_run`, which the
 * rowid ends. A lease row outlives its holder (`pid` null), for the next fence must be higher.
 */
const VERSION_1 = `
CREATE TABLE runs (
  run TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  lock_sha256 TEXT NOT NULL,
  request_sha256 TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE approval_uses (
  request_sha256 TEXT NOT NULL,
  use_no INTEGER NOT NULL CHECK (use_no >= 1),
  run TEXT NOT NULL UNIQUE REFERENCES runs (run),
  UNIQUE (request_sha256, use_no)
) STRICT;

CREATE TABLE leases (
  run TEXT PRIMARY KEY REFERENCES runs (run),
  fence INTEGER NOT NULL CHECK (fence >= 1),
  machine TEXT NOT NULL,
  boot TEXT NOT NULL,
  namespace TEXT NOT NULL,
  pid INTEGER,
  started TEXT NOT NULL,
  taken_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  run TEXT NOT NULL,
  stream TEXT NOT NULL,
  seq INTEGER NOT NULL CHECK (seq >= 1),
  type TEXT NOT NULL,
  body TEXT NOT NULL,
  observed TEXT NOT NULL,
  wall_ms INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  prev TEXT NOT NULL,
  hash TEXT NOT NULL,
  UNIQUE (run, stream, seq)
) STRICT;
CREATE INDEX events_of_run ON events (run);

CREATE TABLE inbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run TEXT NOT NULL REFERENCES runs (run),
  kind TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TRIGGER events_fenced BEFORE INSERT ON events
WHEN NEW.fence IS NOT (SELECT fence FROM leases WHERE run = NEW.run AND pid IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'the writer does not hold the lease of this run'); END;

CREATE TRIGGER leases_rise BEFORE UPDATE ON leases WHEN NEW.fence < OLD.fence
BEGIN SELECT RAISE(ABORT, 'a fence never falls'); END;

CREATE TRIGGER leases_stay BEFORE DELETE ON leases
BEGIN SELECT RAISE(ABORT, 'a lease is never deleted'); END;
${['events', 'runs', 'approval_uses'].flatMap(appendOnly).join('')}`;

/**
 * What version 2 adds; one statement each, so that a test can end the process behind every one. Only additions: a process of an older
 * expctl that performs a run meanwhile goes on writing, and knows nothing of them.
 */
const VERSION_2: readonly string[] = [
  // The latest snapshot of each run. A cache: replaced, never evidence, and a row whose digest does not hold is ignored.
  `CREATE TABLE snapshots (
    run TEXT PRIMARY KEY REFERENCES runs (run),
    position INTEGER NOT NULL CHECK (position >= 1),
    sha256 TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT`,
  // What each run's lock states of pools; kept when it has ended, for failed points may be tried again.
  `CREATE TABLE pool_runs (
    run TEXT PRIMARY KEY REFERENCES runs (run),
    pools TEXT NOT NULL,
    served INTEGER NOT NULL
  ) STRICT`,
  'CREATE INDEX pool_runs_served ON pool_runs (served)',
  // Steps that hold tokens, and steps that wait for some (`held_ms` null). A number of arrival is never given twice.
  `CREATE TABLE pool_claims (
    arrival INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL REFERENCES pool_runs (run),
    point INTEGER NOT NULL,
    step TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    uses TEXT NOT NULL,
    overtaken INTEGER NOT NULL,
    wanted_ms INTEGER NOT NULL,
    held_ms INTEGER,
    taken INTEGER NOT NULL CHECK (taken = 0 OR (taken = 1 AND held_ms IS NOT NULL)),
    key TEXT,
    UNIQUE (run, point, step)
  ) STRICT`,
  // Small artifacts: a file of its own, synced, would cost more than the step that made it. Checked against the digest on every read.
  `CREATE TABLE small_artifacts (
    sha256 TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
  ) STRICT, WITHOUT ROWID`,
  ...appendOnly('small_artifacts'),
];

/** Columns of the ledger that say which effect it is, and when it was first to be sent. */
const EFFECT_COLUMNS = ['run', 'key', 'point', 'step', 'part', 'attempt', 'intended_ms'];
const SAME_EFFECT = EFFECT_COLUMNS.map((column) => `NEW.${column} IS OLD.${column}`).join(' AND ');

/**
 * What version 3 adds, for runs that a cluster performs: the ledger of effects, which decides what was sent. The triggers keep it: an
 * effect is never deleted, is sent more often and never less, is answered once, and is not sent any more from then on.
 */
const VERSION_3: readonly string[] = [
  `CREATE TABLE effects (
    run TEXT NOT NULL REFERENCES runs (run),
    key TEXT NOT NULL,
    point INTEGER NOT NULL,
    step TEXT NOT NULL,
    part TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    sendings INTEGER NOT NULL CHECK (sendings >= 1),
    intended_ms INTEGER NOT NULL,
    answer TEXT,
    answered_ms INTEGER,
    PRIMARY KEY (run, key),
    CHECK ((answer IS NULL) = (answered_ms IS NULL))
  ) STRICT`,
  // Replacing a row deletes the old one, of which SQLite tells no trigger.
  `CREATE TRIGGER effects_begin BEFORE INSERT ON effects
  WHEN NEW.sendings IS NOT 1 OR NEW.answer IS NOT NULL
    OR EXISTS (SELECT 1 FROM effects WHERE run = NEW.run AND key = NEW.key)
  BEGIN SELECT RAISE(ABORT, 'an effect begins once, unanswered'); END`,
  `CREATE TRIGGER effects_hold BEFORE UPDATE ON effects
  WHEN NOT (${SAME_EFFECT} AND NEW.sendings >= OLD.sendings AND (OLD.answer IS NULL
    OR (NEW.answer IS OLD.answer AND NEW.answered_ms IS OLD.answered_ms AND NEW.sendings = OLD.sendings)))
  BEGIN SELECT RAISE(ABORT, 'an effect is answered once, and what was sent stays'); END`,
  `CREATE TRIGGER effects_stay BEFORE DELETE ON effects
  BEGIN SELECT RAISE(ABORT, 'an effect is never deleted'); END`,
  // By which workers of several stores on one cluster know their own tasks.
  `CREATE TABLE store_identity (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    identity TEXT NOT NULL
  ) STRICT`,
  'INSERT INTO store_identity (only, identity) VALUES (1, lower(hex(randomblob(8))))',
  ...appendOnly('store_identity'),
];

/** What leads from each version to the next, the first from an empty file; a new store takes the same way as an old one. */
export const MIGRATIONS: readonly (readonly string[])[] = [[VERSION_1], VERSION_2, VERSION_3];
