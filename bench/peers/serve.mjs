import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { performance } from 'node:perf_hooks';

/**
 * The peer's side of bench/lib/contestant.ts: answers each request with the seconds that it took, until standard input ends.
 *
 * @param perform (load) => Promise; load: { width, workflows, steps }
 */
export async function serve(perform) {
  writeSync(3, '{"ready":true}\n');
  for await (const line of createInterface({ input: process.stdin })) {
    const load = JSON.parse(line);
    const begun = performance.now();
    await perform(load);
    writeSync(3, `${JSON.stringify({ seconds: (performance.now() - begun) / 1000 })}\n`);
  }
}

/** Calls `one` for each of so many workflows, at most `width` at once. */
export async function atOnce({ width, workflows }, one) {
  let next = 0;
  const lane = async () => {
    while (next < workflows) await one(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, workflows) }, lane));
}
