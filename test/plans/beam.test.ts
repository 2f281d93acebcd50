import { expect, test } from 'vitest';
import { BeamProject } from '../beam-project.ts';

const LOAD_N = 100;
const LENGTH_MM = 200;
const E_MPA = 210_000;
const DENSITY_KG_MM3 = 7850e-9;
const MOST_DEFLECTION_MM = 0.2;

interface Row {
  readonly point: number;
  readonly status: string;
  readonly values: { readonly width: number; readonly height: number };
  readonly metrics: { readonly mass: number; readonly deflection: number };
}

/** Timoshenko's cantilever with nu = 0: bending 4PL^3/(Ebh^3), shear PL/(5/6 G bh) with G = E/2. */
function deflection_mm(b: number, h: number): number {
  const bending = (4 * LOAD_N * LENGTH_MM ** 3) / (E_MPA * b * h ** 3);
  return bending + (LOAD_N * LENGTH_MM) / ((5 / 6) * (E_MPA / 2) * b * h);
}

function mass_kg(b: number, h: number): number {
  return DENSITY_KG_MM3 * LENGTH_MM * b * h;
}

/** Least mass that keeps the deflection: as high as the section may be (h = 3b), since w falls with h^3 and the mass with h. */
function leastMass_kg(): number {
  let [low, high] = [5, 10];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (deflection_mm(middle, 3 * middle) > MOST_DEFLECTION_MM) low = middle;
    else high = middle;
  }
  return mass_kg(high, 3 * high);
}

/** Points that no other one beats in both. */
function front(points: readonly { point: number; mass: number; deflection: number }[]): number[] {
  return points
    .filter((a) => !points.some((b) => b.point !== a.point && b.mass <= a.mass && b.deflection <= a.deflection))
    .map(({ point }) => point);
}

test('the beam of the demo: every metric within 1e-3 of the closed form, and the front and the best point are the exact ones', () => {
  const project = new BeamProject('beam', { runs: 1, solver: 'builtin' });
  expect(project.expctl('run', project.lock, '--trust', project.trust).status).toBe(5);
  project.succeed('gate', '--outcome', 'continue', '--key', project.key, '--trust', project.trust);
  project.succeed('resume', '--trust', project.trust);
  const { points } = project.json<{ points: Row[] }>('export');
  expect(points).toHaveLength(24);
  for (const { values, metrics, status } of points) {
    expect(status).toBe('succeeded');
    expect(Math.abs(metrics.deflection / deflection_mm(values.width, values.height) - 1)).toBeLessThan(1e-3);
    expect(Math.abs(metrics.mass / mass_kg(values.width, values.height) - 1)).toBeLessThan(1e-3);
  }
  const exact = points.map(({ point, values: { width, height } }) => ({
    point,
    mass: mass_kg(width, height),
    deflection: deflection_mm(width, height),
  }));
  expect(front(points.map(({ point, metrics }) => ({ point, ...metrics })))).toEqual(front(exact));
  const feasible = exact.filter(({ deflection }) => deflection <= MOST_DEFLECTION_MM);
  const lightest = feasible.reduce((best, one) => (one.mass < best.mass ? one : best));
  const { best } = project.json<{ best: { point: number; metrics: Row['metrics'] } }>('status');
  expect(best.point).toBe(lightest.point);
  expect(best.metrics.mass).toBeGreaterThan(leastMass_kg() * (1 - 1e-3));
  expect(best.metrics.mass).toBeLessThan(leastMass_kg() * 1.25);
  const replay = project.expctl('replay', '--trust', project.trust);
  expect(replay.status, replay.stderr).toBe(0);
}, 180_000);
