import { type Compared, comparePlan } from './parity.ts';
import type { TemporalSide } from './temporal-side.ts';

/** Compares plans, some at a time. @param onOne told after each */
export async function compareAll(
  side: TemporalSide,
  { from, count, at_once }: { readonly from: number; readonly count: number; readonly at_once: number },
  onOne: (one: Compared) => void = () => undefined,
): Promise<Compared[]> {
  const all: Compared[] = [];
  let next = from;
  const work = async (): Promise<void> => {
    while (next < from + count) {
      const one = await comparePlan(side, next++);
      all.push(one);
      onOne(one);
    }
  };
  await Promise.all(Array.from({ length: at_once }, work));
  return all;
}

/** The command that compares one plan alone. */
export function repeatCommand(seed: number): string {
  return `EXPCTL_FIRST_PLAN=${seed} EXPCTL_PLANS=1 npx vitest run --config vitest.ci.config.ts test/ci/temporal-engine/parity.test.ts`;
}

/** Shares of the plans that met something, by name. */
export function sharesOf(all: readonly Compared[]): Map<string, number> {
  const shares = new Map<string, number>();
  for (const { met } of all) for (const name of met) shares.set(name, (shares.get(name) ?? 0) + 1 / all.length);
  return shares;
}

/** A campaign as text: what was compared, what was met, what failed and how to see it again. */
export function campaignText(all: readonly Compared[], seconds: number): string {
  const failed = all.filter(({ failure }) => failure !== null);
  const crossed = all.filter((one) => one.crossed);
  const events = all.reduce((sum, one) => sum + one.events, 0);
  const shares = [...sharesOf(all)]
    .sort(([, a], [, b]) => b - a)
    .map(([name, share]) => `  ${(100 * share).toFixed(1).padStart(5)} %  ${name}`);
  return [
    `${all.length} plans on both engines in ${seconds.toFixed(0)} s: ${events} events; ${failed.length} differ, of ${crossed.length} only the journal was looked at`,
    ...shares,
    ...failed.map(({ seed, failure }) => `plan ${seed}: ${failure}\n  ${repeatCommand(seed)}`),
  ].join('\n');
}
