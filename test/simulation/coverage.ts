import { eventOf } from '../../src/ir/events.ts';
import type { Simulation } from './simulation.ts';

/** What a campaign has met, in the order in which it is printed. Those with a least share are asserted. */
export const LEAST: Readonly<Record<string, number>> = {
  retries: 0.2,
  failures: 0.2,
  gates: 0.2,
  cancels: 0.2,
  'pools that were waited for': 0.2,
  loops: 0.2,
  'semantics 2': 0.2,
};

/** What one run has met, by name. */
export function metBy({ store, view, counts, world, made, disturbances }: Simulation): string[] {
  const met = new Set<string>();
  const seen = (...types: string[]) => types.some((type) => view.seen.has(type));
  for (const row of store.rows) {
    if (row.type !== 'step.failed' && row.type !== 'decision.made' && row.type !== 'run.finished') continue;
    const event = eventOf(row);
    if (event.type === 'step.failed') {
      if (event.again_in_s !== null) met.add('retries');
      met.add(`class ${event.class}`);
    } else if (event.type === 'decision.made') {
      if (/^(extend|goto)/.test(event.action)) met.add('loops');
    } else if (event.type === 'run.finished') {
      met.add(`ended ${event.status}`);
      if (event.points.failed > 0) met.add('failures');
    }
  }
  const facts: Readonly<Record<string, boolean>> = {
    gates: seen('gate.opened'),
    cancels: seen('run.cancelled', 'points.cancelled', 'phase.cancelled'),
    'pools that were waited for': counts.waited,
    'semantics 2': made.lock.semantics >= 2,
    crashes: counts.crashes > 0,
    'nested crashes': counts.crashes > 1,
    'full disks': disturbances.write_faults.some((fault) => fault?.kind === 'disk_full'),
    'take-overs of stopped processes': counts.take_overs > 0,
    'expired approvals': counts.expired > 0,
    'clocks set forward, met by the engine': counts.clock_jumps > 0,
    pauses: seen('run.paused'),
    resends: world.counts.resends > 0,
    'unknown outcomes': met.has('class unknown_outcome') || seen('step.unresolved'),
    resolutions: seen('effect.resolved'),
    'points tried again': seen('points.retried'),
    'points or phases cancelled': seen('points.cancelled', 'phase.cancelled'),
    'deadlines and time-outs': seen('point.timer_fired', 'study.timer_fired'),
    jobs: world.counts.jobs > 0,
  };
  for (const [name, is] of Object.entries(facts)) if (is) met.add(name);
  return [...met];
}
