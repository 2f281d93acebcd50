import { appendFileSync } from 'node:fs';

/*
 * Counts what the program does to the outside through its ports, and ends it at one of these operations, as by `kill -9`.
 *
 *   EXPCTL_TEST_KILL   `17 before`, `17 during` or `17 after`: where; nowhere unless given. `during`: it was begun and nobody has
 *                      heard of its end
 *   EXPCTL_TEST_DEEP   `1`: what lies below the ports counts too: statements of SQLite, calls of the file system
 *   EXPCTL_TEST_TRACE  a file: this process appends a line, `killed 17 before journal.append` or `ended 54`
 */

const [at = '', side = ''] = (process.env['EXPCTL_TEST_KILL'] ?? '').split(' ');
const fatal = Number(at);
const trace = process.env['EXPCTL_TEST_TRACE'];
export const DEEP = process.env['EXPCTL_TEST_DEEP'] === '1';
let count = 0;

process.on('exit', () => tell(`ended ${count}`));

function tell(line: string): void {
  if (trace !== undefined) appendFileSync(trace, `${line}\n`);
}

function kill(name: string): void {
  tell(`killed ${fatal} ${side} ${name}`);
  process.kill(process.pid, 'SIGKILL');
}

/** Does something that counts as one operation. */
export function operation<T>(name: string, work: () => T): T {
  count += 1;
  if (count !== fatal) return work();
  if (side === 'before') kill(name);
  const value = work();
  if (side === 'during') setImmediate(() => kill(name));
  else if (value instanceof Promise) return value.finally(() => kill(name)) as T;
  else if (isStream(value)) return endingWith(value, () => kill(name)) as T;
  else kill(name);
  return value;
}

/**
 * An object whose every method is an operation, `name.method`.
 *
 * @param inner by method: what becomes of its value
 */
export function counted<T extends object>(
  name: string,
  target: T,
  inner: Readonly<Record<string, (value: unknown) => unknown>> = {},
): T {
  return new Proxy(target, {
    get: (_, key) => {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function' || typeof key === 'symbol') return value;
      return (...args: unknown[]): unknown => {
        const result: unknown = operation(`${name}.${key}`, () => Reflect.apply(value, target, args));
        return inner[key] === undefined ? result : inner[key](result);
      };
    },
  });
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

async function* endingWith(items: AsyncIterable<unknown>, end: () => void): AsyncGenerator<unknown> {
  yield* items;
  end();
}
