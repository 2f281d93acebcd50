// The built-in solver: assembles the stiffness of a mesh and solves it with a banded Cholesky factorisation.
import { elementStiffness } from './element.js';
import { clampedNodes, tipShares } from './mesh.js';

export const BUILTIN_VERSION = '1.0.0';

/**
 * Bends the cantilever.
 *
 * @param mesh nodes (mm) and elements
 * @param load N, downwards, spread evenly over the tip face
 * @returns `deflection_mm`, the mean of the tip face downwards; `reaction_N`, what the wall carries, from the inner forces there
 */
export function solveBuiltin(mesh, { load, E_MPa, nu }) {
  const shares = tipShares(mesh);
  const clamped = clampedNodes(mesh);
  const equation = numberEquations(mesh.nodes.length, clamped);
  const first = mesh.elements[0].map((node) => mesh.nodes[node]);
  const stiffness = elementStiffness(first, E_MPa, nu); // the boxes of a structured mesh are all equal
  const matrix = assemble(mesh.elements, equation, stiffness);
  factorise(matrix);
  const force = new Float64Array(matrix.size);
  for (const [node, share] of shares) force[equation[3 * node + 2]] -= load * share;
  const solution = substitute(matrix, force);
  const displacement = Float64Array.from(equation, (row) => (row < 0 ? 0 : solution[row]));
  return {
    deflection_mm: -shares.reduce((mean, [node, share]) => mean + share * displacement[3 * node + 2], 0),
    reaction_N: innerForce(mesh.elements, stiffness, displacement, clamped),
  };
}

/** Equation of each degree of freedom (3 * node + axis), or -1 where the wall holds it. */
function numberEquations(nodes, clamped) {
  const equation = new Int32Array(3 * nodes);
  for (const node of clamped) equation.fill(-1, 3 * node, 3 * node + 3);
  let next = 0;
  for (let index = 0; index < equation.length; index += 1) {
    if (equation[index] === 0) equation[index] = next++;
  }
  return equation;
}

function freedoms(element) {
  return element.flatMap((node) => [3 * node, 3 * node + 1, 3 * node + 2]);
}

/** Lower half of the band, row by row: entry (i, j) is at i * width + j - i + width - 1. */
function assemble(elements, equation, stiffness) {
  const rows = elements.map((element) => freedoms(element).map((freedom) => equation[freedom]));
  const widths = rows.map((row) => Math.max(...row) - Math.min(...row.filter((index) => index >= 0)) + 1);
  const width = Math.max(...widths);
  const size = equation.reduce((largest, row) => Math.max(largest, row), -1) + 1;
  const band = new Float64Array(size * width);
  for (const row of rows) {
    for (let a = 0; a < 60; a += 1) {
      for (let b = 0; b < 60; b += 1) {
        if (row[b] >= 0 && row[a] >= row[b])
          band[row[a] * width + row[b] - row[a] + width - 1] += stiffness[a * 60 + b];
      }
    }
  }
  return { size, width, band };
}

/** A = L L^T in place (Golub & Van Loan, Matrix Computations, 4th ed., section 4.3.5). */
function factorise({ size, width, band }) {
  for (let i = 0; i < size; i += 1) {
    const rowI = i * width + width - 1 - i; // + j is entry (i, j)
    const firstI = Math.max(0, i - width + 1);
    for (let j = firstI; j <= i; j += 1) {
      const rowJ = j * width + width - 1 - j;
      let value = band[rowI + j];
      for (let k = firstI; k < j; k += 1) value -= band[rowI + k] * band[rowJ + k];
      if (j < i) band[rowI + j] = value / band[rowJ + j];
      else if (value > 0) band[rowI + i] = Math.sqrt(value);
      else throw new Error(`The stiffness is singular at equation ${i}: is the beam held?`);
    }
  }
}

/** Solves L L^T x = f. */
function substitute({ size, width, band }, force) {
  const x = Float64Array.from(force);
  for (let i = 0; i < size; i += 1) {
    const row = i * width + width - 1 - i;
    for (let k = Math.max(0, i - width + 1); k < i; k += 1) x[i] -= band[row + k] * x[k];
    x[i] /= band[row + i];
  }
  for (let i = size - 1; i >= 0; i -= 1) {
    const row = i * width + width - 1 - i;
    x[i] /= band[row + i];
    for (let k = Math.max(0, i - width + 1); k < i; k += 1) x[k] -= band[row + k] * x[i];
  }
  return x;
}

/** Sum of the vertical inner forces K u at some nodes, N. */
function innerForce(elements, stiffness, displacement, at) {
  const chosen = new Set(at);
  let total = 0;
  for (const element of elements) {
    const columns = freedoms(element);
    element.forEach((node, local) => {
      if (!chosen.has(node)) return;
      const row = (3 * local + 2) * 60;
      for (let b = 0; b < 60; b += 1) total += stiffness[row + b] * displacement[columns[b]];
    });
  }
  return total;
}
