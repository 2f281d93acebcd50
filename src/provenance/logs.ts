import type { EffectView } from './effects.ts';
import { STREAMS } from './replay-artifacts.ts';
import { textIn } from './rows.ts';

type StreamName = keyof typeof STREAMS;

/** What a tool wrote to a standard stream during one call; kept once the call has ended. */
export interface LogPart {
  readonly step: string;
  readonly part: EffectView['part'];
  readonly attempt: number;
  readonly call: string;
  readonly stream: StreamName;
  readonly sha256: string;
  /** Milliseconds since 1970. */
  readonly ended_ms: number | null;
}

export interface LogFilter {
  /** `solve`, or a part of a job: `solve.submit`. */
  readonly step: string | null;
  readonly attempt: number | null;
  readonly streams: readonly StreamName[];
}

/** The kept streams of a point's calls, in the order of the calls; standard output before standard error. */
export function logParts(effects: readonly EffectView[], filter: LogFilter): LogPart[] {
  return effects
    .filter((effect) => isWanted(effect, filter))
    .flatMap((effect) => {
      const { step, part, attempt, call, ended_ms, observed } = effect;
      return (['stdout', 'stderr'] as const).flatMap((stream): LogPart[] => {
        const sha256 = filter.streams.includes(stream) ? textIn(observed, STREAMS[stream]) : null;
        return sha256 === null ? [] : [{ step, part, attempt, call, stream, sha256, ended_ms }];
      });
    });
}

function isWanted({ step, part, attempt }: EffectView, filter: LogFilter): boolean {
  if (filter.attempt !== null && filter.attempt !== attempt) return false;
  return filter.step === null || filter.step === step || filter.step === `${step}.${part}`;
}
