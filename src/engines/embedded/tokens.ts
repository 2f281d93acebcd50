import type { RunCommand, RunMachine, StreamEvent } from '../../kernel/run.ts';
import type { Lease, PoolArbiter, PoolHolder } from '../ports.ts';
import { tokenExchange } from '../token-exchange.ts';

export interface TokensDeps {
  readonly run: string;
  readonly arbiter: PoolArbiter;
  /** Steps that use pools. */
  readonly uses_pools: ReadonlySet<string>;
  readonly granted: (holder: PoolHolder) => void;
  readonly fatal: (error: unknown) => void;
}

/**
 * The run's side of the store's pools: what its steps give back and want goes there with the events that say so, and what is granted
 * comes back as a fact. Of what was withdrawn meanwhile (a cancel) a late grant is nobody's: the store has it back already.
 */
export class Tokens {
  readonly #deps: TokensDeps;
  /** By `point/step`: what was asked for and neither granted nor withdrawn. */
  readonly #wanted = new Set<string>();
  #lease: Lease | null = null;
  #stop: () => void = () => undefined;

  constructor(deps: TokensDeps) {
    this.#deps = deps;
  }

  /** How many steps wait for tokens. */
  get waiting(): number {
    return this.#wanted.size;
  }

  /** From now on tokens are asked for under this lease; what the machine holds and wants already is made good with the store. */
  async begin(lease: Lease, { pools, points }: Pick<RunMachine, 'pools' | 'points'>): Promise<void> {
    this.#lease = lease;
    if (this.#deps.uses_pools.size === 0) return;
    this.#stop = this.#deps.arbiter.onTokens(lease, (holders) => this.#take(holders));
    const attempt = ({ point, step }: PoolHolder) => points.get(point)?.steps[step]?.attempt ?? 1;
    const holders = Object.entries(pools.held).map(([name, uses]) => ({ ...holderOf(name), uses }));
    const held = holders.map((holder) => ({ ...holder, attempt: attempt(holder) }));
    const wanted = pools.waiting.map((want) => ({ ...want, attempt: attempt(want) }));
    if (held.length + wanted.length === 0) return;
    for (const want of wanted) this.#wanted.add(nameOf(want));
    this.#take(await this.#deps.arbiter.reconcileTokens(lease, { held, wanted }));
  }

  end(): void {
    this.#stop();
    this.#wanted.clear();
  }

  /** To be called right behind the append of the events, in the same turn, so that both are one transaction. */
  exchange(events: readonly StreamEvent[], commands: readonly RunCommand[]): Promise<void> | null {
    const exchange = tokenExchange(this.#deps.run, this.#deps.uses_pools, events, commands);
    if (exchange === null) return null;
    for (const holder of exchange.released) this.#wanted.delete(nameOf(holder));
    for (const want of exchange.wanted) this.#wanted.add(nameOf(want));
    if (this.#lease === null) return null;
    return this.#deps.arbiter.exchangeTokens(this.#lease, exchange).then((holders) => this.#take(holders));
  }

  #take(holders: readonly PoolHolder[]): void {
    try {
      for (const holder of holders) if (this.#wanted.delete(nameOf(holder))) this.#deps.granted(holder);
    } catch (error) {
      this.#deps.fatal(error);
    }
  }
}

function nameOf({ point, step }: PoolHolder): string {
  return `${point}/${step}`;
}

function holderOf(name: string): PoolHolder {
  const slash = name.indexOf('/');
  return { point: Number(name.slice(0, slash)), step: name.slice(slash + 1) };
}
