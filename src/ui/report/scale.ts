/** How numbers become places on an axis. */
export interface Scale {
  readonly ticks: readonly number[];
  readonly logarithmic: boolean;
  /** 0 at the axis' beginning, 1 at its end. */
  place(value: number): number;
}

/** From this ratio of the greatest to the least on, an axis of positive numbers is logarithmic. */
const LOG_RATIO = 60;
const STEPS = [1, 2, 5, 10];

/** An axis that holds all values, with ticks at round numbers; its ends lie at or beyond the outermost values. */
export function scaleOf(values: readonly number[], most_ticks = 6): Scale {
  const least = Math.min(...values);
  const greatest = Math.max(...values);
  if (!Number.isFinite(least) || !Number.isFinite(greatest)) return linear(0, 1, most_ticks);
  if (least > 0 && greatest / least > LOG_RATIO) return logarithmic(least, greatest);
  const spread = greatest - least;
  const margin = spread === 0 ? Math.abs(least) * 0.1 || 1 : spread * 0.06;
  // An axis that nearly reaches zero begins there.
  const from = least >= 0 && least - margin < spread * 0.15 ? 0 : least - margin;
  return linear(from, greatest + margin, most_ticks);
}

function linear(from: number, to: number, most_ticks: number): Scale {
  const rough = (to - from) / most_ticks;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * STEPS.find((candidate) => power * candidate >= rough)!;
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => rounded((first + index) * step));
  return { ticks, logarithmic: false, place: (value) => (value - from) / (to - from) };
}

function logarithmic(least: number, greatest: number): Scale {
  const [from, to] = [Math.log10(least) - 0.08, Math.log10(greatest) + 0.08];
  const ticks: number[] = [];
  for (let power = Math.floor(from); power <= to; power += 1) {
    for (const digit of to - from > 3 ? [1] : [1, 2, 5]) {
      const tick = rounded(digit * 10 ** power);
      if (Math.log10(tick) >= from && Math.log10(tick) <= to) ticks.push(tick);
    }
  }
  return { ticks, logarithmic: true, place: (value) => (Math.log10(value) - from) / (to - from) };
}

/** 0.30000000000000004 is 0.3 here. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
