/** Numbers and times as people read them. Never used for what is hashed. */

/** At most six significant digits, without trailing zeros. */
export function shownNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  return String(Number(value.toPrecision(6)));
}

export function shownValue(value: number | string | boolean): string {
  return typeof value === 'number' ? shownNumber(value) : String(value);
}

/** `850 ms`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function shownDuration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${shownNumber(Math.round(seconds * 10) / 10)} s`;
  const units: readonly [number, string, number, string][] = [
    [86_400, 'd', 3_600, 'h'],
    [3_600, 'h', 60, 'min'],
    [60, 'min', 1, 's'],
  ];
  const [size, name, lesser, lesser_name] = units.find(([least]) => seconds >= least)!;
  const whole = Math.floor(seconds / size);
  const rest = Math.floor((seconds % size) / lesser);
  return rest === 0 ? `${whole} ${name}` : `${whole} ${name} ${rest} ${lesser_name}`;
}

/** UTC to the second: `2026-01-31 12:00:00Z`. */
export function shownTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

export function shownBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
