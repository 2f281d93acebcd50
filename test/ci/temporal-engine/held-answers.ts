import { nameOfEffect, type WhenDue, type Which } from './scripted-tool.ts';

/** Holds the answers of a tool until their turn has come. */
export class HeldAnswers {
  readonly #goesOn: (which: Which) => boolean;
  readonly #let_go = new Set<string>();
  readonly #held = new Map<string, (what: 'answer' | 'not yet') => void>();
  /** Polls that were told once that the job goes on. */
  readonly #told = new Set<string>();
  /** Jobs, as `point/step`, whose next poll is to be told so. */
  readonly #owed = new Set<string>();

  /** @param goesOn whether the tool says first that the job of this poll goes on */
  constructor(goesOn: (which: Which) => boolean) {
    this.#goesOn = goesOn;
  }

  readonly whenDue: WhenDue = (which, { signal }) => {
    const name = nameOfEffect(which);
    if (this.#let_go.has(name)) return Promise.resolve('answer');
    if (which.part === 'poll' && !this.#told.has(name) && this.#goesOn(which)) {
      this.#told.add(name);
      return Promise.resolve('not yet');
    }
    if (which.part === 'poll' && this.#owed.delete(`${which.point}/${which.step}`)) return Promise.resolve('not yet');
    return new Promise((resolve) => {
      const say = (what: 'answer' | 'not yet'): void => {
        if (this.#held.get(name) === say) this.#held.delete(name);
        resolve(what);
      };
      this.#held.set(name, say);
      signal.addEventListener('abort', () => say('not yet'), { once: true });
    });
  };

  letGo(which: Which): void {
    const name = nameOfEffect(which);
    this.#let_go.add(name);
    this.#held.get(name)?.('answer');
  }

  /** From now on another sending of the same effect is held again. */
  hold(which: Which): void {
    this.#let_go.delete(nameOfEffect(which));
  }

  letAllGo(): void {
    for (const say of [...this.#held.values()]) say('not yet');
  }

  /** Of a job, so that its deadline counts: the poll that is held, or the next one. */
  sayThatItGoesOn(point: number, step: string): void {
    const held = [...this.#held].filter(([name]) => name.startsWith(`${point}/${step}/poll/`));
    for (const [, say] of held) say('not yet');
    if (held.length === 0) this.#owed.add(`${point}/${step}`);
  }
}
