/** Who made the tables of a schema. */
export const APPLICATION = 'expctl journal';

/** Version of the tables: a newer one is refused, since only a newer expctl knows what it means. */
export const SCHEMA_VERSION = 1;

/** Columns of the ledger that say which effect it is, and when it was first to be sent. */
const EFFECT_COLUMNS = ['run', 'key', 'point', 'step', 'part', 'attempt', 'intended_ms'];
const SAME_EFFECT = EFFECT_COLUMNS.map((column) => `NEW.${column} IS NOT DISTINCT FROM OLD.${column}`).join(' AND ');

/** Text that is ordered by its bytes, whatever the language of the database. */
const NAME = 'text COLLATE "C"';

/** A trigger that runs a function of its own. */
function guard(schema: string, table: string, name: string, when: string, body: string): string[] {
  return [
    `CREATE FUNCTION ${schema}.${name}() RETURNS trigger LANGUAGE plpgsql AS $$ ${body} $$`,
    `CREATE TRIGGER ${name} ${when} ON ${schema}.${table} ${/TRUNCATE/.test(when) ? 'FOR EACH STATEMENT' : 'FOR EACH ROW'}
     EXECUTE FUNCTION ${schema}.${name}()`,
  ];
}

function refused(message: string): string {
  return `RAISE EXCEPTION '${message}' USING ERRCODE = 'restrict_violation';`;
}

/** What makes a table one from which nothing is taken away. */
function staying(schema: string, table: string, message: string): string[] {
  const body = `BEGIN ${refused(message)} END`;
  return [
    ...guard(schema, table, `${table}_stay`, 'BEFORE DELETE', body),
    ...guard(schema, table, `${table}_whole`, 'BEFORE TRUNCATE', body),
  ];
}

function appendOnly(schema: string, table: string): string[] {
  const message = `${table} is append-only`;
  return [
    ...staying(schema, table, message),
    ...guard(schema, table, `${table}_hold`, 'BEFORE UPDATE', `BEGIN ${refused(message)} END`),
  ];
}

/**
 * The store of version 1.
 *
 * `events.position` counts the rows of a run, without a gap: whoever appends holds the row of the run's lease until its COMMIT, so that a
 * higher position is never seen before a lower one. (Numbers of a sequence would be: they are given before the commit.) The trigger takes
 * that lock too, so that nobody can append beside it. A lease row outlives its holder (`pid` null), for the next fence must be higher.
 */
function version1(schema: string): string[] {
  const tables = `
CREATE TABLE ${schema}.runs (
  run ${NAME} PRIMARY KEY,
  name text NOT NULL,
  lock_sha256 text NOT NULL,
  request_sha256 text NOT NULL,
  created_ms bigint NOT NULL
);
CREATE TABLE ${schema}.approval_uses (
  request_sha256 ${NAME} NOT NULL,
  use_no bigint NOT NULL CHECK (use_no >= 1),
  run ${NAME} NOT NULL UNIQUE REFERENCES ${schema}.runs (run),
  UNIQUE (request_sha256, use_no)
);
CREATE TABLE ${schema}.leases (
  run ${NAME} PRIMARY KEY REFERENCES ${schema}.runs (run),
  fence bigint NOT NULL CHECK (fence >= 1),
  machine text NOT NULL,
  boot text NOT NULL,
  namespace text NOT NULL,
  pid bigint,
  started text NOT NULL,
  taken_ms bigint NOT NULL
);
CREATE TABLE ${schema}.events (
  run ${NAME} NOT NULL,
  position bigint NOT NULL CHECK (position >= 1),
  stream ${NAME} NOT NULL,
  seq bigint NOT NULL CHECK (seq >= 1),
  type text NOT NULL,
  body text NOT NULL,
  observed text NOT NULL,
  wall_ms bigint NOT NULL,
  fence bigint NOT NULL,
  prev text NOT NULL,
  hash text NOT NULL,
  PRIMARY KEY (run, position),
  UNIQUE (run, stream, seq)
);
CREATE TABLE ${schema}.inbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run ${NAME} NOT NULL REFERENCES ${schema}.runs (run),
  kind text NOT NULL,
  body text NOT NULL
);
CREATE INDEX inbox_of_run ON ${schema}.inbox (run, id);
CREATE TABLE ${schema}.snapshots (
  run ${NAME} PRIMARY KEY REFERENCES ${schema}.runs (run),
  position bigint NOT NULL CHECK (position >= 1),
  sha256 text NOT NULL,
  body text NOT NULL
);
CREATE TABLE ${schema}.pool_runs (
  run ${NAME} PRIMARY KEY REFERENCES ${schema}.runs (run),
  pools text NOT NULL,
  served bigint NOT NULL
);
CREATE INDEX pool_runs_served ON ${schema}.pool_runs (served);
CREATE TABLE ${schema}.pool_claims (
  arrival bigint PRIMARY KEY,
  run ${NAME} NOT NULL REFERENCES ${schema}.pool_runs (run),
  point bigint NOT NULL,
  step text NOT NULL,
  attempt bigint NOT NULL,
  uses text NOT NULL,
  overtaken bigint NOT NULL,
  wanted_ms bigint NOT NULL,
  held_ms bigint,
  taken boolean NOT NULL CHECK (NOT taken OR held_ms IS NOT NULL),
  key text,
  UNIQUE (run, point, step)
);
-- One row. Whoever changes claims holds it until the COMMIT; the version tells others that what they remember is old.
CREATE TABLE ${schema}.pool_book (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version bigint NOT NULL,
  arrivals bigint NOT NULL
);
INSERT INTO ${schema}.pool_book (version, arrivals) VALUES (0, 0);
CREATE TABLE ${schema}.small_artifacts (
  sha256 ${NAME} PRIMARY KEY,
  bytes bytea NOT NULL
);
CREATE TABLE ${schema}.effects (
  run ${NAME} NOT NULL,
  key ${NAME} NOT NULL,
  point bigint NOT NULL,
  step text NOT NULL,
  part text NOT NULL,
  attempt bigint NOT NULL,
  sendings bigint NOT NULL CHECK (sendings >= 1),
  intended_ms bigint NOT NULL,
  answer text,
  answered_ms bigint,
  PRIMARY KEY (run, key),
  CHECK ((answer IS NULL) = (answered_ms IS NULL))
)`;
  return [
    tables,
    ...guard(
      schema,
      'events',
      'events_fenced',
      'BEFORE INSERT',
      `DECLARE held bigint; last bigint;
       BEGIN
         SELECT fence INTO held FROM ${schema}.leases WHERE run = NEW.run AND pid IS NOT NULL FOR UPDATE;
         IF held IS DISTINCT FROM NEW.fence THEN ${refused('the writer does not hold the lease of this run')} END IF;
         SELECT coalesce(max(position), 0) INTO last FROM ${schema}.events WHERE run = NEW.run;
         IF NEW.position <> last + 1 THEN ${refused('a row takes the next position of its run')} END IF;
         RETURN NEW;
       END`,
    ),
    ...guard(
      schema,
      'leases',
      'leases_rise',
      'BEFORE UPDATE',
      `BEGIN IF NEW.fence < OLD.fence OR NEW.run <> OLD.run THEN ${refused('a fence never falls')} END IF; RETURN NEW; END`,
    ),
    ...staying(schema, 'leases', 'a lease is never deleted'),
    ...['events', 'runs', 'approval_uses', 'small_artifacts'].flatMap((table) => appendOnly(schema, table)),
    ...guard(
      schema,
      'effects',
      'effects_begin',
      'BEFORE INSERT',
      `BEGIN
         IF NEW.sendings <> 1 OR NEW.answer IS NOT NULL THEN ${refused('an effect begins once, unanswered')} END IF;
         IF NOT EXISTS (SELECT 1 FROM ${schema}.leases WHERE run = NEW.run AND pid IS NOT NULL) THEN
           ${refused('nobody performs the run of this effect')}
         END IF;
         RETURN NEW;
       END`,
    ),
    ...guard(
      schema,
      'effects',
      'effects_hold',
      'BEFORE UPDATE',
      `BEGIN
         IF NOT (${SAME_EFFECT} AND NEW.sendings >= OLD.sendings AND (OLD.answer IS NULL
           OR (NEW.answer IS NOT DISTINCT FROM OLD.answer AND NEW.answered_ms = OLD.answered_ms AND NEW.sendings = OLD.sendings)))
         THEN ${refused('an effect is answered once, and what was sent stays')} END IF;
         RETURN NEW;
       END`,
    ),
    ...staying(schema, 'effects', 'an effect is never deleted'),
  ];
}

/** What leads from each version to the next, the first from an empty schema. */
export const MIGRATIONS: readonly ((schema: string) => readonly string[])[] = [version1];
