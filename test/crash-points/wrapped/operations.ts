import { appendFileSync } from 'node:fs';

/*
 * Counts what the program does to the outside through its ports, and sends a signal to itself at some of these operations: SIGKILL
 * ends it as `kill -9` would.
 *
 *   EXPCTL_TEST_SIGNALS  where, `17 before SIGKILL` or `17 during SIGINT, 18 after SIGINT`; nowhere unless given. `during`: the
 *                        operation was begun and nobody has heard of its end
 *   EXPCTL_TEST_DEEP     `1`: what lies below the ports counts too: statements of SQLite, calls of the file system
 *   EXPCTL_TEST_TRACE    a file: this process appends a line for each signal, `17 before journal.append`, and at its end
 *                        `ended 54 26`: operations, and the one at which the run began, 0 where it did not
 */

interface Signal {
  readonly at: number;
  readonly side: string;
  readonly signal: string;
}

const signals = (process.env['EXPCTL_TEST_SIGNALS'] ?? '')
  .split(', ')
  .map((text) => text.split(' '))
  .map(([at = '', side = '', signal = '']): Signal => ({ at: Number(at), side, signal }));
const trace = process.env['EXPCTL_TEST_TRACE'];
export const DEEP = process.env['EXPCTL_TEST_DEEP'] === '1';
let count = 0;
let begun_at = 0;

process.on('exit', () => tell(`ended ${count} ${begun_at}`));

function tell(line: string): void {
  if (trace !== undefined) appendFileSync(trace, `${line}\n`);
}

function send({ at, side, signal }: Signal, name: string): void {
  tell(`${at} ${side} ${name}`);
  process.kill(process.pid, signal);
}

/** Does something that counts as one operation. */
export function operation<T>(name: string, work: () => T): T {
  count += 1;
  if (name === 'journal.createRun') begun_at = count;
  const due = signals.filter(({ at }) => at === count);
  const sendAll = (side: string): void => {
    for (const signal of due) if (signal.side === side) send(signal, name);
  };
  if (due.length === 0) return work();
  sendAll('before');
  const value = work();
  setImmediate(() => sendAll('during'));
  if (value instanceof Promise) return value.finally(() => sendAll('after')) as T;
  if (isStream(value)) return endingWith(value, () => sendAll('after')) as T;
  sendAll('after');
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
