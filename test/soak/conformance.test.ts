import { expect, test } from 'vitest';
import type { ConformanceCase } from '../../src/ir/conformance.ts';
import { COUNTED, effectsIn, processesIn, sendingsIn, testFixture, type Transport } from '../conformance/support.ts';

/* Lost answers by the thousand, with real processes; the effects are counted where they happen, in the tool's own folder. */

type Times = Readonly<Partial<Record<ConformanceCase, number>>>;

const TIMES: Readonly<Record<Transport, Times>> = {
  mcp: {
    fail_before: 500,
    execute_then_timeout: 1000,
    execute_then_reset: 500,
    killed_midway: 100,
    duplicate_delivery: 200,
    late_arrival: 500,
  },
  process: {
    fail_before: 100,
    execute_then_timeout: 300,
    execute_then_reset: 300,
    killed_midway: 50,
    duplicate_delivery: 100,
    late_arrival: 100,
  },
};

test.each<Transport>(['mcp', 'process'])('an honest tool, %s: each key one effect', async (transport) => {
  const wanted = TIMES[transport];
  const { report, project } = await testFixture({
    transport,
    work_ms: 2,
    tests: { submit: COUNTED },
    times: (name) => wanted[name] ?? 1,
  });
  const { cases } = report.calls[0]!;
  const figures = cases.map(({ case: name, runs, held }) => `${name} ${held}/${runs}`);
  const keys = sendingsIn(project).size;
  const sent = [...sendingsIn(project).values()].reduce((sum, count) => sum + count, 0);
  console.log(`${transport}: ${figures.join(', ')}; ${sent} sendings of ${keys} keys, ${effectsIn(project)} effects`);
  expect(processesIn(project.folder)).toEqual([]);
  for (const { case: name, runs, held } of cases) expect([name, held]).toEqual([name, runs]);
  // The last key of `same_key_other_arguments` is one more effect; refused sendings make none.
  expect(effectsIn(project)).toBe(keys);
  project.remove();
});
