import type { JsonObject } from '../base/json.ts';
import type { RunEnd } from '../engines/embedded/engine.ts';
import { sameFlags, type StoreOption, storeFlag, type TrustOption } from './options.ts';

const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/** How a command that performed a run ends. */
interface Ending {
  /** Exit status. */
  readonly status: number;
  /** For `--json`. */
  readonly document: JsonObject;
  /** What a person may do next, as lines. */
  readonly next: readonly string[];
}

export function endingOf(
  end: RunEnd,
  options: {
    readonly run: string;
    /** With which the performance was interrupted. */
    readonly signal: 'SIGINT' | 'SIGTERM' | null;
    readonly given: StoreOption & TrustOption;
  },
): Ending {
  const { run, signal, given } = options;
  const [flags, store] = [sameFlags(given), storeFlag(given)];
  switch (end.kind) {
    case 'finished': {
      const isGood = end.status === 'completed' || end.status === 'stopped';
      const next = [`Results: expctl status ${run}${store}   or trace, report, export`];
      return { status: isGood ? 0 : 4, document: { state: end.status, reason: end.reason }, next };
    }
    case 'gate': {
      const { gate, role, ask, outcomes } = end.gate;
      const next = [
        `Run ${run} waits for a decision of the role ${role}.`,
        `Decide:  expctl gate ${run} --outcome '${outcomes.join('|')}' --key FILE${flags}`,
        `Then:    expctl resume ${run}${flags}`,
      ];
      return { status: 5, document: { state: 'gate', gate, role, ask, outcomes: [...outcomes] }, next };
    }
    case 'unresolved': {
      const effects = end.effects.map(({ point, step, part, attempt }) => ({ point, step, part, attempt }));
      const named = effects.slice(0, 5).map(({ point, step }) => `${step} of point ${point}`);
      const next = [
        `Run ${run} waits for a person: nobody knows what became of ${named.join(', ')}${effects.length > 5 ? ', …' : ''}.`,
        `Look:    expctl trace ${run} --point ${effects[0]?.point ?? 1}${store}`,
        `Say:     expctl resolve ${run} --key FILE${flags}`,
      ];
      return { status: 5, document: { state: 'unresolved', effects }, next };
    }
    case 'paused': {
      const status = signal === null ? 5 : SIGNAL_STATUS[signal];
      return {
        status,
        document: { state: 'paused' },
        next: [`Run ${run} is paused. Go on: expctl resume ${run}${flags}`],
      };
    }
    case 'interrupted': {
      const status = signal === null ? 130 : SIGNAL_STATUS[signal];
      const next = [`Run ${run} was interrupted. Go on: expctl resume ${run}${flags}`];
      return { status, document: { state: 'interrupted' }, next };
    }
  }
}
