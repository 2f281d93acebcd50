import * as real from '../../../src/adapters/sqlite/process-facts.ts';
import type { ProcessFacts } from '../../../src/adapters/sqlite/lease.ts';

/** EXPCTL_TEST_FACTS, JSON: what differs where this process plays one on another machine, or of another boot. */
export function thisProcess(): ProcessFacts {
  const other = JSON.parse(process.env['EXPCTL_TEST_FACTS'] ?? '{}') as Partial<ProcessFacts>;
  return { ...real.thisProcess(), ...other };
}
