import type { EffectPart, RunEvent } from '../../ir/events.ts';
import { effectKey } from '../effect-key.ts';

interface Which {
  readonly step: string;
  readonly part: EffectPart;
  readonly attempt: number;
}

/** An effect whose intent stands in the journal. */
export interface OpenEffect {
  readonly key: string;
  /** How often a person said that it has not happened: so often it may be sent once more. */
  readonly not_done: number;
  /** How often the journal says that it was sent again. */
  readonly resent: number;
}

/** The effects of points that may go on, by what they are called in the journal. */
export class OpenEffects {
  readonly #points = new Map<number, Map<string, OpenEffect>>();

  of(point: number, which: Which): OpenEffect | null {
    return this.#points.get(point)?.get(nameOf(which)) ?? null;
  }

  take(run: string, point: number | null, event: RunEvent): void {
    if (point === null) return;
    if (event.type === 'effect.intended') {
      this.#put(point, event, { key: effectKey(run, point, event), not_done: 0, resent: 0 });
    } else if (event.type === 'effect.resent') {
      const open = this.of(point, event);
      if (open !== null) this.#put(point, event, { ...open, resent: open.resent + 1 });
    } else if (event.type === 'effect.resolved' && event.as === 'not_done') {
      const open = this.of(point, event);
      if (open !== null) this.#put(point, event, { ...open, not_done: open.not_done + 1 });
    }
  }

  /** A point has finished for good. */
  forget(point: number): void {
    this.#points.delete(point);
  }

  #put(point: number, which: Which, open: OpenEffect): void {
    const effects = this.#points.get(point) ?? new Map<string, OpenEffect>();
    this.#points.set(point, effects.set(nameOf(which), open));
  }
}

function nameOf({ step, part, attempt }: Which): string {
  return `${step}/${part}/${attempt}`;
}
