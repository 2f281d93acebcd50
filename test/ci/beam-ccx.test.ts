import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  beamModule,
  CORNERS,
  ended,
  meshedBeam,
  startBeam,
  submitted,
  temporaryFolder,
  timoshenko,
} from '../examples/beam-client.ts';

interface Mesh {
  nodes: number[][];
  elements: number[][];
}
interface Answer {
  deflection_mm: number;
  reaction_N: number;
}
interface CalculixModule {
  findCcx(): string | undefined;
  beamDeck(mesh: Mesh, physics: object): string;
  runCcx(program: string, folder: string, deck?: string): string;
  parseDat(dat: string, mesh: Mesh): Answer;
  solveCcx(program: string, folder: string, mesh: Mesh, physics: object): Answer;
}
const { findCcx, beamDeck, runCcx, parseDat, solveCcx } = await beamModule<CalculixModule>('calculix.js');
const { meshBox } = await beamModule<{ meshBox(low: number[], box: number[], counts: number[]): Mesh }>('mesh.js');
const { solveBuiltin } = await beamModule<{ solveBuiltin(mesh: Mesh, physics: object): Answer }>('builtin.js');
const { whatIsWrong } = await beamModule<{
  whatIsWrong(answer: Answer, load: number, span: number): string | undefined;
}>('answer.js');

const ccx = findCcx();
const STEEL = { load: 100, E_MPa: 210_000, nu: 0 };
const MESH = meshBox([0, 0, 0], [200, 10, 20], [20, 2, 2]);

/** Without CalculiX these tests fail: they are for machines that have it. */
function program(): string {
  if (ccx === undefined) throw new Error('ccx is not on PATH. Install it: apt-get install calculix-ccx');
  return ccx;
}

describe('CalculiX', () => {
  test('bends the corners of the plan as theory says, through the server', async () => {
    program();
    const state = temporaryFolder();
    const server = await startBeam(state, { BEAM_SOLVER: '' });
    const { solver, solver_version } = await server.get('version');
    expect(solver).toBe('ccx');
    expect(solver_version).toMatch(/^\d+\.\d+$/);
    for (const size of CORNERS) {
      const key = `${size.b} x ${size.h}`;
      const mesh_id = await meshedBeam(server, size, key);
      const run_id = await submitted(server, { mesh_id, load: 100, idempotency_key: key });
      expect(await ended(server, run_id)).toEqual({
        status: 'done',
        message: `ccx ${String(solver_version)} solved it.`,
      });
      const { result_id } = await server.get('solve.fetch', { run_id });
      const post = await server.get('post.extract', { result_id, qoi: ['mass', 'deflection', 'reaction'] });
      expect(Math.abs((post['deflection'] as number) / timoshenko(size, 100, 210_000) - 1)).toBeLessThan(1e-3);
      expect(post['reaction']).toBeCloseTo(100, 4);
      expect(post['mass']).toBeCloseTo(7850 * size.L * size.b * size.h * 1e-9, 9);
      expect(readFileSync(join(state, 'runs', run_id, 'beam.inp'), 'utf8')).toContain('TYPE=C3D20R');
    }
  });

  test.each([0, 0.3])('agrees with the built-in solver on the same mesh, nu = %d', (nu) => {
    const physics = { ...STEEL, nu };
    const theirs = solveCcx(program(), temporaryFolder(), MESH, physics);
    const ours = solveBuiltin(MESH, physics);
    expect(Math.abs(theirs.deflection_mm / ours.deflection_mm - 1)).toBeLessThan(2e-6);
    expect(Math.abs(theirs.reaction_N - ours.reaction_N)).toBeLessThan(1e-3);
  });

  test('exits 0 without an input file, and is caught', () => {
    expect(() => runCcx(program(), temporaryFolder())).toThrow(/CalculiX says: \*ERROR/);
  });

  test('exits 0 without supports, and is caught', () => {
    const deck = beamDeck(MESH, STEEL).replace('*BOUNDARY\nWALL, 1, 3, 0.\n', '');
    expect(deck).not.toContain('*BOUNDARY');
    const answer = parseDat(runCcx(program(), temporaryFolder(), deck), MESH);
    expect(whatIsWrong(answer, STEEL.load, 200)).toMatch(/absurd|reaction|finite/);
  });

  test('without supports breaks the equilibrium, even if the displacements pass for sound', () => {
    const deck = beamDeck(MESH, STEEL).replace('WALL, 1, 3, 0.', 'WALL, 1, 2, 0.');
    const { reaction_N } = parseDat(runCcx(program(), temporaryFolder(), deck), MESH);
    expect(whatIsWrong({ deflection_mm: 1, reaction_N }, STEEL.load, 200)).toMatch(/reaction/);
  });

  test('that stops at an impossible material is caught', () => {
    expect(() => runCcx(program(), temporaryFolder(), beamDeck(MESH, { ...STEEL, nu: 0.7 }))).toThrow(/\*ERROR/);
  });
});
