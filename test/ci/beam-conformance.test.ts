import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CONFORMANCE_CASES, type ConformanceReport } from '../../src/ir/conformance.ts';
import { BeamProject } from '../beam-project.ts';

/*
 * The example's real server: what its tools file declares, shown with its own test file. Solver jobs are counted by the server's own log,
 * a line for each.
 */

const EXAMPLE = fileURLToPath(new URL('../../examples/beam/tools.test.yaml', import.meta.url));

test('the beam holds what its tools file declares', () => {
  const project = new BeamProject('beam-small', { runs: 1, solver: 'builtin' });
  copyFileSync(EXAMPLE, join(project.folder, 'tools.test.yaml'));
  const report = project.json<ConformanceReport>('tools', 'test', 'beam', '--yes');
  expect(report.verdict).toBe('holds');
  const by_key = report.calls.filter(({ effect }) => effect === 'by_key');
  expect(by_key.map(({ call }) => call)).toEqual(['cad.modify', 'mesh.generate', 'solve.submit']);
  for (const { call, cases } of by_key) {
    expect([call, cases.map(({ verdict }) => verdict)]).toEqual([call, CONFORMANCE_CASES.map(() => 'holds')]);
    expect(cases.every(({ evidence }) => evidence.includes('count'))).toBe(true);
  }
  const keys = by_key.at(-1)!.cases.map(({ observation }) => new Set(observation?.sendings.map(({ key }) => key)).size);
  expect(project.solverJobs()).toBe(1 + keys.reduce((sum, count) => sum + count, 0)); // one of the setup
  expect(readFileSync(EXAMPLE, 'utf8')).toContain('17 small solver jobs');
});
