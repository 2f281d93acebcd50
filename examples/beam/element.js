// The 20-node hexahedron with reduced integration (2 x 2 x 2 points), as CalculiX's C3D20R.
// Source: Zienkiewicz, Taylor & Zhu, The Finite Element Method, 6th ed., sections 4.7 (serendipity) and 6.3 (stiffness).

/** Corners at +-1, mid-side nodes have one zero; order of C3D20. */
// biome-ignore format: a table
const NATURAL = [
  [-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1], [-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1],
  [0, -1, -1], [1, 0, -1], [0, 1, -1], [-1, 0, -1], [0, -1, 1], [1, 0, 1], [0, 1, 1], [-1, 0, 1],
  [-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0],
];

const POINT = 1 / Math.sqrt(3);
const POINTS = [-POINT, POINT].flatMap((r) => [-POINT, POINT].flatMap((s) => [-POINT, POINT].map((t) => [r, s, t])));
const DERIVATIVES = POINTS.map((at) => NATURAL.map((node) => shapeDerivatives(node, at)));

/** d N / d (r, s, t) of one node's shape function at a point. */
function shapeDerivatives(node, at) {
  const factor = node.map((n, axis) => (n === 0 ? 1 - at[axis] ** 2 : 1 + n * at[axis]));
  const slope = node.map((n, axis) => (n === 0 ? -2 * at[axis] : n));
  const product = (axis, value) => value * factor[(axis + 1) % 3] * factor[(axis + 2) % 3];
  if (node.includes(0)) return slope.map((value, axis) => product(axis, value) / 4);
  // N = (1 + r r_i)(1 + s s_i)(1 + t t_i)(r r_i + s s_i + t t_i - 2) / 8
  const bracket = node.reduce((sum, n, axis) => sum + n * at[axis], -2);
  const all = factor[0] * factor[1] * factor[2];
  return slope.map((value, axis) => (product(axis, value) * bracket + all * node[axis]) / 8);
}

/** Determinant and inverse of the 3 x 3 Jacobian d (x, y, z) / d (r, s, t). */
function jacobian(derivatives, positions) {
  const j = [0, 1, 2].map((row) => [0, 1, 2].map((axis) => sum(20, (n) => derivatives[n][row] * positions[n][axis])));
  const minor = (a, b, c, d) => j[a][c] * j[b][d] - j[a][d] * j[b][c];
  const cofactors = [
    [minor(1, 2, 1, 2), -minor(1, 2, 0, 2), minor(1, 2, 0, 1)],
    [-minor(0, 2, 1, 2), minor(0, 2, 0, 2), -minor(0, 2, 0, 1)],
    [minor(0, 1, 1, 2), -minor(0, 1, 0, 2), minor(0, 1, 0, 1)],
  ];
  const determinant = sum(3, (axis) => j[0][axis] * cofactors[0][axis]);
  const inverse = [0, 1, 2].map((row) => [0, 1, 2].map((column) => cofactors[column][row] / determinant));
  return { determinant, inverse };
}

function sum(count, term) {
  let total = 0;
  for (let index = 0; index < count; index += 1) total += term(index);
  return total;
}

/** Volume of an element in mm^3, by the integration that its stiffness uses. */
export function elementVolume(positions) {
  return sum(POINTS.length, (point) => jacobian(DERIVATIVES[point], positions).determinant);
}

/**
 * Stiffness of an element of isotropic, linear elastic material.
 *
 * @param positions 20 nodes as x, y, z in mm
 * @param E         Young's modulus, MPa
 * @param nu        Poisson's ratio
 * @returns 60 x 60 matrix in N/mm, row by row; degree of freedom 3 * node + axis
 */
export function elementStiffness(positions, E, nu) {
  const shear = E / (2 * (1 + nu));
  const lame = (E * nu) / ((1 + nu) * (1 - 2 * nu));
  const stiffness = new Float64Array(60 * 60);
  for (const derivatives of DERIVATIVES) {
    const { determinant, inverse } = jacobian(derivatives, positions);
    const gradient = derivatives.map((d) => inverse.map((row) => row[0] * d[0] + row[1] * d[1] + row[2] * d[2]));
    for (let a = 0; a < 20; a += 1) {
      for (let b = 0; b < 20; b += 1) {
        const dot = gradient[a][0] * gradient[b][0] + gradient[a][1] * gradient[b][1] + gradient[a][2] * gradient[b][2];
        for (let i = 0; i < 3; i += 1) {
          for (let j = 0; j < 3; j += 1) {
            const value = lame * gradient[a][i] * gradient[b][j] + shear * gradient[a][j] * gradient[b][i];
            stiffness[(3 * a + i) * 60 + 3 * b + j] += (i === j ? value + shear * dot : value) * determinant;
          }
        }
      }
    }
  }
  return stiffness;
}
