import Database from 'better-sqlite3';
import { openDatabase } from '../../../src/adapters/sqlite/database.ts';

/*
 * A process of its own for migrate.test.ts: opens the store in FOLDER and is killed right before or behind its N-th statement;
 * prints how many statements there were if it is not.
 */
const [folder, when, at] = process.argv.slice(2) as [string, 'before' | 'behind', string];

let count = 0;
function killing<This, Args extends unknown[], T>(original: (this: This, ...args: Args) => T) {
  return function (this: This, ...args: Args): T {
    count += 1;
    const mine = count;
    if (mine === Number(at) && when === 'before') process.kill(process.pid, 'SIGKILL');
    const value = original.apply(this, args);
    if (mine === Number(at) && when === 'behind') process.kill(process.pid, 'SIGKILL');
    return value;
  };
}
const { prototype } = Database;
const statement = Object.getPrototypeOf(new Database(':memory:').prepare('SELECT 1')) as Database.Statement;
prototype.exec = killing(prototype.exec);
prototype.pragma = killing(prototype.pragma);
statement.run = killing(statement.run);

openDatabase(folder).close();
console.log(count);
