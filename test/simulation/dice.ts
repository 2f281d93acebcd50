import { seededDice } from '../kernel/driver.ts';

/** Chance of one seed, by name, so that what one part of a run draws does not change what another one does. */
export class Dice {
  readonly #next: () => number;

  constructor(seed: number, name: string) {
    let mixed = seed ^ 0x9e3779b9;
    for (const letter of name) mixed = Math.imul(mixed ^ letter.charCodeAt(0), 0x01000193);
    this.#next = seededDice(mixed);
    this.#next();
  }

  /** Uniform on [0, 1). */
  uniform(): number {
    return this.#next();
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  /** Integer from least to most, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  between(least: number, most: number): number {
    return least + this.#next() * (most - least);
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#next() * items.length)]!;
  }

  /** Each of them with this probability, in their order. */
  some<T>(items: readonly T[], probability: number): T[] {
    return items.filter(() => this.chance(probability));
  }
}
