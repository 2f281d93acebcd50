import { describe, expect, test } from 'vitest';
import { beamModule, CORNERS, timoshenko } from './beam-client.ts';

interface Mesh {
  nodes: number[][];
  elements: number[][];
}
interface MeshModule {
  countElements(box: number[], size: number): number[];
  meshBox(low: number[], box: number[], counts: number[]): Mesh;
  clampedNodes(mesh: Mesh): number[];
  tipShares(mesh: Mesh): [number, number][];
}
interface ElementModule {
  elementStiffness(positions: number[][], E: number, nu: number): Float64Array;
  elementVolume(positions: number[][]): number;
}
interface BuiltinModule {
  solveBuiltin(mesh: Mesh, physics: object): { deflection_mm: number; reaction_N: number };
}
interface AnswerModule {
  whatIsWrong(answer: { deflection_mm: number; reaction_N: number }, load: number, span: number): string | undefined;
}

const { countElements, meshBox, clampedNodes, tipShares } = await beamModule<MeshModule>('mesh.js');
const { elementStiffness, elementVolume } = await beamModule<ElementModule>('element.js');
const { solveBuiltin } = await beamModule<BuiltinModule>('builtin.js');
const { whatIsWrong } = await beamModule<AnswerModule>('answer.js');

const STEEL = { load: 100, E_MPa: 210_000, nu: 0 };

describe('the mesh', () => {
  test('fills the box, with the nodes that C3D20 has', () => {
    const mesh = meshBox([0, 0, 0], [200, 10, 12], [4, 2, 3]);
    // corners + mid-side nodes of a grid of 4 x 2 x 3 hexahedra
    expect(mesh.nodes.length).toBe(5 * 3 * 4 + 4 * 3 * 4 + 5 * 2 * 4 + 5 * 3 * 3);
    const volumes = mesh.elements.map((element) => elementVolume(element.map((node) => mesh.nodes[node]!)));
    expect(volumes.reduce((sum, volume) => sum + volume)).toBeCloseTo(24_000, 8);
    expect(new Set(mesh.elements.flat()).size).toBe(mesh.nodes.length);
  });

  test('has quadratic elements across enough for bending, and is finer where size is smaller', () => {
    expect(countElements([200, 5, 8], 2)).toEqual([50, 2, 2]);
    expect(countElements([200, 20, 30], 2)).toEqual([50, 2, 2]);
    expect(countElements([200, 20, 30], 1)).toEqual([100, 3, 4]);
    expect(countElements([200, 20, 30], 1000)).toEqual([20, 2, 2]);
  });

  test('that would take minutes is refused', () => {
    expect(() => countElements([200, 20, 30], 0.1)).toThrow(/size 0\.1 mm gives .* elements/);
  });

  test('is held at one end and loaded at the other', () => {
    const mesh = meshBox([0, 0, 0], [200, 10, 10], [3, 1, 1]);
    expect(clampedNodes(mesh).map((node) => mesh.nodes[node]![0])).toEqual(Array(8).fill(0));
    const shares = tipShares(mesh);
    expect(shares.map(([node]) => mesh.nodes[node]![0])).toEqual(Array(8).fill(200));
    expect(shares.map(([, share]) => share).sort((a, b) => a - b)).toEqual([
      ...Array(4).fill(-1 / 12),
      ...Array(4).fill(1 / 3),
    ]);
  });

  test('spreads any load over the tip without a moment', () => {
    const mesh = meshBox([0, 0, 0], [200, 10, 12], [2, 2, 3]);
    const shares = tipShares(mesh);
    const moment = (axis: number) => shares.reduce((sum, [node, share]) => sum + share * mesh.nodes[node]![axis]!, 0);
    expect(shares.reduce((sum, [, share]) => sum + share, 0)).toBeCloseTo(1, 12);
    expect(moment(1)).toBeCloseTo(5, 12);
    expect(moment(2)).toBeCloseTo(6, 12);
  });
});

describe('the element', () => {
  const { nodes, elements } = meshBox([0, 0, 0], [4, 5, 6], [1, 1, 1]);
  const positions = elements[0]!.map((node) => nodes[node]!);
  const stiffness = elementStiffness(positions, 210_000, 0.3);
  const force = (motion: (position: number[]) => number[]) => {
    const u = positions.flatMap(motion);
    return Array.from({ length: 60 }, (_, row) =>
      u.reduce((sum, value, column) => sum + stiffness[row * 60 + column]! * value, 0),
    );
  };

  test('is symmetric', () => {
    for (let a = 0; a < 60; a += 1) {
      for (let b = 0; b < a; b += 1)
        expect(Math.abs(stiffness[a * 60 + b]! - stiffness[b * 60 + a]!)).toBeLessThan(1e-8);
    }
  });

  test('does not resist a rigid motion', () => {
    const motions = [() => [1, 0, 0], () => [0, 1, 0], () => [0, 0, 1]];
    const turns = [
      ([x, y]: number[]) => [-y!, x!, 0],
      ([, y, z]: number[]) => [0, -z!, y!],
      ([x, , z]: number[]) => [z!, 0, -x!],
    ];
    for (const motion of [...motions, ...turns]) {
      for (const component of force(motion)) expect(Math.abs(component)).toBeLessThan(1e-6);
    }
  });

  test('answers a stretch with the stress of theory (patch test)', () => {
    const nu = 0.3;
    const strain = 1e-3;
    const forces = force(([x, y, z]) => [strain * x!, -nu * strain * y!, -nu * strain * z!]);
    const end = positions.flatMap(([x], node) => (x === 4 ? [forces[3 * node]!] : []));
    expect(end.reduce((sum, value) => sum + value)).toBeCloseTo(210_000 * strain * 5 * 6, 6);
  });
});

describe('the built-in solver', () => {
  test.each(CORNERS)('agrees with Timoshenko at b=$b h=$h', (size) => {
    const box = [size.L, size.b, size.h];
    const { deflection_mm, reaction_N } = solveBuiltin(meshBox([0, 0, 0], box, countElements(box, 2)), STEEL);
    expect(Math.abs(deflection_mm / timoshenko(size, 100, 210_000) - 1)).toBeLessThan(2e-4);
    expect(Math.abs(reaction_N - 100)).toBeLessThan(1e-5);
  });

  test('is as wrong as expected where the wall hinders the cross-section from narrowing', () => {
    const { deflection_mm } = solveBuiltin(meshBox([0, 0, 0], [200, 10, 10], [50, 2, 2]), { ...STEEL, nu: 0.3 });
    const error = deflection_mm / timoshenko({ b: 10, h: 10, L: 200 }, 100, 210_000, 0.3) - 1;
    expect(error).toBeGreaterThan(-0.006);
    expect(error).toBeLessThan(-0.003);
  });

  test('does not depend on where the box is', () => {
    const there = solveBuiltin(meshBox([-7, 3, 100], [200, 10, 10], [20, 2, 2]), STEEL);
    const here = solveBuiltin(meshBox([0, 0, 0], [200, 10, 10], [20, 2, 2]), STEEL);
    expect(there.deflection_mm / here.deflection_mm).toBeCloseTo(1, 6);
  });

  test('refuses a stiffness that is not positive', () => {
    const mesh = meshBox([0, 0, 0], [200, 10, 10], [2, 1, 1]);
    expect(() => solveBuiltin(mesh, { ...STEEL, E_MPa: -1 })).toThrow(/singular/);
  });
});

describe('an answer', () => {
  const sound = { deflection_mm: 1.5, reaction_N: 100 };
  test('that is sound passes', () => {
    expect(whatIsWrong(sound, 100, 200)).toBeUndefined();
    expect(whatIsWrong({ ...sound, reaction_N: 100.09 }, 100, 200)).toBeUndefined();
  });
  test.each([
    [{ deflection_mm: Number.NaN }, /deflection is not a finite number/],
    [{ deflection_mm: Number.POSITIVE_INFINITY }, /deflection is not a finite number/],
    [{ reaction_N: Number.NaN }, /reaction is not a finite number/],
    [{ deflection_mm: -1.5 }, /absurd/],
    [{ deflection_mm: 0 }, /absurd/],
    [{ deflection_mm: 201 }, /absurd/],
    [{ reaction_N: 100.2 }, /reaction is 100\.2 N, but the load is 100 N/],
    [{ reaction_N: 0 }, /reaction is 0 N/],
  ])('with %o is refused', (part, reason) => {
    expect(whatIsWrong({ ...sound, ...part }, 100, 200)).toMatch(reason);
  });
});
