const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, min: 60, h: 3600, d: 86400 };

/** A duration such as `90s` or `2h` in seconds. @throws Error where it is none; the schema of plans accepts no other */
export function durationSeconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(text);
  const factor = match?.[2] === undefined ? undefined : SECONDS[match[2]];
  if (match?.[1] === undefined || factor === undefined) throw new Error(`not a duration: ${text}`);
  return Number(match[1]) * factor;
}
