import { durationSeconds } from '../../ir/duration.ts';
import type { DurationSpec } from '../../ir/simulation.ts';

const NAMED = /^([a-z]+)\(([^()]*)\)$/;

/**
 * `2h`, `lognormal(2h, 0.3)` (median, and the standard deviation of the logarithm), `uniform(1h, 2h)`, `triangular(1h, 2h, 4h)`
 * (least, most likely, most).
 * @throws Error with a sentence where it is none
 */
export function parseDuration(text: string): DurationSpec {
  const trimmed = text.trim();
  const [, name, inner] = NAMED.exec(trimmed) ?? [];
  if (name === undefined || inner === undefined) return { kind: 'constant', seconds: durationSeconds(trimmed) };
  const given = inner.split(',').map((one) => one.trim());
  switch (name) {
    case 'lognormal':
      return { kind: 'lognormal', median_s: seconds(given, 0, 2), sigma: sigmaIn(given[1]!) };
    case 'uniform':
      return ordered({ kind: 'uniform', least_s: seconds(given, 0, 2), most_s: seconds(given, 1, 2) });
    case 'triangular':
      return ordered({
        kind: 'triangular',
        least_s: seconds(given, 0, 3),
        mode_s: seconds(given, 1, 3),
        most_s: seconds(given, 2, 3),
      });
    default:
      throw new Error(`there is no distribution \`${name}\`: lognormal, uniform, triangular`);
  }
}

function seconds(given: readonly string[], at: number, count: number): number {
  if (given.length !== count) throw new Error(`it takes ${count} values, not ${given.length}`);
  return durationSeconds(given[at]!);
}

/** Above this, one draw in a hundred is a thousand million times the median: nothing takes that long, and no number holds what is drawn. */
const MOST_SIGMA = 10;

function sigmaIn(text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0 && value <= MOST_SIGMA))
    throw new Error(`\`${text}\` is not from 0 to ${MOST_SIGMA}`);
  return value;
}

function ordered<Spec extends Extract<DurationSpec, { least_s: number }>>(spec: Spec): Spec {
  const mode_s = 'mode_s' in spec ? (spec.mode_s as number) : spec.least_s;
  if (spec.least_s <= mode_s && mode_s <= spec.most_s) return spec;
  throw new Error('its values must ascend');
}

export function durationText(spec: DurationSpec, shown: (seconds: number) => string): string {
  switch (spec.kind) {
    case 'constant':
      return shown(spec.seconds);
    case 'lognormal':
      return `lognormal(${shown(spec.median_s)}, ${spec.sigma})`;
    case 'uniform':
      return `uniform(${shown(spec.least_s)}, ${shown(spec.most_s)})`;
    case 'triangular':
      return `triangular(${shown(spec.least_s)}, ${shown(spec.mode_s)}, ${shown(spec.most_s)})`;
  }
}

/** What half of all durations are longer than; of `uniform` and `triangular` the middle. */
export function medianOf(spec: DurationSpec): number {
  if (spec.kind === 'constant') return spec.seconds;
  return spec.kind === 'lognormal' ? spec.median_s : (spec.least_s + spec.most_s) / 2;
}

/** One duration, in seconds. @param uniform draws from [0, 1) */
export function drawDuration(spec: DurationSpec, uniform: () => number): number {
  switch (spec.kind) {
    case 'constant':
      return spec.seconds;
    case 'uniform':
      return spec.least_s + (spec.most_s - spec.least_s) * uniform();
    case 'lognormal':
      return spec.median_s * Math.exp(spec.sigma * normal(uniform));
    case 'triangular':
      return triangular(spec, uniform());
  }
}

/** By the inverse of the distribution function. */
function triangular({ least_s, mode_s, most_s }: Extract<DurationSpec, { kind: 'triangular' }>, u: number): number {
  const width = most_s - least_s;
  if (width === 0) return least_s;
  const rising = (mode_s - least_s) / width;
  return u < rising
    ? least_s + Math.sqrt(u * width * (mode_s - least_s))
    : most_s - Math.sqrt((1 - u) * width * (most_s - mode_s));
}

/** Standard normal. Source: Box & Muller (1958), Annals of Mathematical Statistics 29(2), 610-611. */
function normal(uniform: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
  return radius * Math.cos(2 * Math.PI * uniform());
}

/** A lognormal with the median and the spread of what was recorded. @param seconds at least one, all of them from 0 */
export function fittedDuration(seconds: readonly number[]): DurationSpec {
  const sorted = [...seconds].sort((a, b) => a - b);
  const median_s = quantile(sorted, 0.5);
  if (sorted.length < 3 || sorted[0]! <= 0) return { kind: 'constant', seconds: median_s };
  const logs = sorted.map((one) => Math.log(one));
  const mean = logs.reduce((sum, one) => sum + one, 0) / logs.length;
  const variance = logs.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (logs.length - 1);
  const sigma = Number(Math.sqrt(variance).toPrecision(3));
  return sigma === 0 ? { kind: 'constant', seconds: median_s } : { kind: 'lognormal', median_s, sigma };
}

/** By linear interpolation between the nearest two. @param sorted ascending, not empty */
export function quantile(sorted: readonly number[], part: number): number {
  const at = part * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low);
}
