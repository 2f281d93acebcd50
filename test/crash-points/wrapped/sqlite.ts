import Database from 'better-sqlite3';
import { DEEP, operation } from './operations.ts';

/** What changes a database, or what is durable of it. */
const CHANGES = /^\s*(BEGIN|COMMIT|INSERT|UPDATE|DELETE)/;

/** A database whose changes are operations, inside of transactions too. */
class CountedDatabase extends Database {
  constructor(...args: ConstructorParameters<typeof Database>) {
    super(...args);
    const prepare = this.prepare.bind(this) as (source: string) => Database.Statement;
    this.prepare = ((source: string) => countedStatement(prepare(source), source)) as typeof this.prepare;
  }

  override exec(source: string): this {
    return operation('sqlite.exec', () => super.exec(source));
  }

  override pragma(source: string, options?: Database.PragmaOptions): unknown {
    const pragma = (): unknown => super.pragma(source, options);
    // This one is only a look at whether others have written, several times in a second.
    return source === 'data_version' ? pragma() : operation('sqlite.pragma', pragma);
  }
}

function countedStatement(statement: Database.Statement, source: string): Database.Statement {
  const name = CHANGES.exec(source)?.[1];
  if (name === undefined) return statement;
  const run = statement.run.bind(statement) as (...args: unknown[]) => Database.RunResult;
  statement.run = (...args: unknown[]) => operation(`sqlite.${name}`, () => run(...args));
  return statement;
}

export default DEEP ? CountedDatabase : Database;
