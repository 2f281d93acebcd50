import { setTimeout as pause } from 'node:timers/promises';
import type { Client, QueryResult } from 'pg';
import { ExpctlError } from '../../base/error.ts';
import type { DatabaseAddress } from '../../engines/store-url.ts';
import { isAway, isLast, isStarting, storeError } from './failures.ts';
import { assertOurs, lookAt, migrate } from './migrate.ts';
import { postgresDriver } from './packages.ts';
import { ASKED, type Settings, settingProblem } from './profile.ts';

/** One statement; with values it is prepared once and used again. */
export type Query = <Row extends object>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

export interface LinkOptions {
  /** How long one that was lost is tried again, and a server that starts is waited for. */
  readonly patience_s?: number;
  /** How long a statement may wait for another process's transaction. */
  readonly lock_timeout_ms?: number;
  /** After how long the server ends a transaction of a process that stands still, so that others can go on. */
  readonly idle_timeout_ms?: number;
}

const PATIENCE_S = 15;
const LOCK_TIMEOUT_MS = 20_000;
const IDLE_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A server that answers nothing for so long is taken to be lost; above what it is told to wait for locks. */
const SILENCE_MS = 60_000;
const RETRY_MS = 100;
/** `bigint`: every number here is far below 2^53. */
const INT8 = 20;

/** A connection that is made when it is needed, and made anew after it was lost. */
export class Link {
  readonly address: DatabaseAddress;
  readonly #writes: boolean;
  readonly #options: LinkOptions;
  #connecting: Promise<Client> | null = null;
  #client: Client | null = null;
  #closed = false;
  /** Names of prepared statements, of all connections alike. */
  readonly #names = new Map<string, string>();

  /** @param writes makes the tables where there are none; else nothing is ever changed over it */
  constructor(address: DatabaseAddress, writes: boolean, options: LinkOptions = {}) {
    this.address = address;
    this.#writes = writes;
    this.#options = options;
  }

  /** @param patient waits for a server that is away for a while, because it was there just before */
  async connect(patient = false): Promise<Client> {
    if (this.#closed) throw new ExpctlError('STORE_UNUSABLE', 'The store was closed', { hint: 'Open it again.' });
    if (this.#client !== null) return this.#client;
    this.#connecting ??= this.#connectPatiently(patient).finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  /** A statement by itself. A question that fails is no failed write: over a connection that was lost it is asked once more. */
  async ask<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    for (let again = false; ; again = true) {
      const client = await this.connect(again);
      try {
        return await this.query<Row>(client, text, values);
      } catch (error) {
        if (again || !this.lost(client)) throw storeError(error, this.address.url);
      }
    }
  }

  async query<Row extends object>(client: Client, text: string, values?: readonly unknown[]): Promise<Row[]> {
    if (values === undefined) return (await this.send<Row>(client, text)).rows;
    const prepared = client.query<Row>({ name: this.#nameOf(text), text, values: [...values] });
    return (await this.#heard(client, prepared)).rows;
  }

  /** Text that may hold several statements, and what the server said of the last one, or of all. */
  async send<Row extends object>(client: Client, text: string): Promise<QueryResult<Row>> {
    return this.#heard(client, client.query<Row>(text));
  }

  async #heard<T>(client: Client, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (isLast(error)) this.drop(client);
      throw error;
    }
  }

  /** Whether a connection is not this link's any more. */
  lost(client: Client): boolean {
    return this.#client !== client;
  }

  /** Gives a connection up; the server undoes what it had begun over it. */
  drop(client: Client): void {
    if (this.#client === client) this.#client = null;
    // A proper good-bye could wait for ever on a connection that hangs.
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client ?? (await this.#connecting?.catch(() => null)) ?? null;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  async #connectPatiently(patient: boolean): Promise<Client> {
    const until_ms = performance.now() + 1000 * (this.#options.patience_s ?? PATIENCE_S);
    for (;;) {
      try {
        return await this.#connectOnce();
      } catch (error) {
        const passes = isStarting(error) || (patient && isAway(error));
        if (!passes || performance.now() >= until_ms) throw storeError(error, this.address.url);
        await pause(RETRY_MS);
      }
    }
  }

  async #connectOnce(): Promise<Client> {
    const driver = await postgresDriver();
    const { lock_timeout_ms = LOCK_TIMEOUT_MS, idle_timeout_ms = IDLE_TIMEOUT_MS } = this.#options;
    const parsers = new driver.TypeOverrides();
    parsers.setTypeParser(INT8, Number);
    const client = new driver.Client({
      connectionString: withoutSchema(this.address.url),
      application_name: 'expctl',
      types: parsers,
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: SILENCE_MS,
      lock_timeout: lock_timeout_ms,
      idle_in_transaction_session_timeout: idle_timeout_ms,
    });
    // Told when nothing is asked of it too, and then nobody else hears it.
    const gone = () => {
      if (this.#client === client) this.#client = null;
    };
    client.on('error', gone).on('end', gone);
    await client.connect();
    try {
      await this.#prepare(client);
      this.#client = client;
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  /** Settings first: a server that loses commits is given no tables. */
  async #prepare(client: Client): Promise<void> {
    const { schema, url } = this.address;
    const query: Query = (text, values) => this.query(client, text, values);
    await query(`SET search_path = ${schema}, pg_temp`);
    if (!this.#writes) {
      await query('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY');
      const found = await lookAt(query, schema);
      if (found === 'nothing') throw noJournal(url);
      assertOurs(found, schema, url);
      return;
    }
    const asked = ASKED.map((name) => `current_setting('${name}') AS ${name}`).join(', ');
    const [settings] = await query<Settings>(`SELECT ${asked}`);
    const problem = settingProblem(settings!);
    if (problem !== null) {
      throw new ExpctlError('STORE_UNUSABLE', `${problem.message}. Store: ${url}`, { hint: problem.hint });
    }
    // Held for this session, whatever the server's files say later.
    await query(`SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false)`);
    await migrate(query, schema, url);
  }

  #nameOf(text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const name = `expctl_${this.#names.size + 1}`;
    this.#names.set(text, name);
    return name;
  }
}

function noJournal(url: string): ExpctlError {
  const hint = 'Start a run with `expctl run`, or look whether the URL is right.';
  return new ExpctlError('NOT_FOUND', `There is no journal at ${url}`, { hint });
}

/** What is ours of a URL's query is no setting of the driver. */
function withoutSchema(url: string): string {
  const parsed = new URL(url);
  parsed.searchParams.delete('schema');
  return parsed.toString();
}
