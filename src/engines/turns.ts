/**
 * Turns at one tool: many calls at once, or one alone. Whoever waits for a turn alone is next: those that come later wait behind it.
 */
export class Turns {
  #shared = 0;
  #alone = false;
  readonly #waiting: { readonly alone: boolean; readonly start: () => void }[] = [];

  /** Resolves when it is the caller's turn, with the way to end it; at once where nobody stands against it. */
  async take(alone: boolean): Promise<() => void> {
    if (this.#waiting.length > 0 || !this.#may(alone)) {
      await new Promise<void>((start) => void this.#waiting.push({ alone, start }));
    } else this.#enter(alone);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      if (alone) this.#alone = false;
      else this.#shared -= 1;
      this.#next();
    };
  }

  #may(alone: boolean): boolean {
    return !this.#alone && (!alone || this.#shared === 0);
  }

  #enter(alone: boolean): void {
    if (alone) this.#alone = true;
    else this.#shared += 1;
  }

  #next(): void {
    for (let first = this.#waiting[0]; first !== undefined && this.#may(first.alone); first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#enter(first.alone);
      first.start();
    }
  }
}
