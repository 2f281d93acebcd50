// A structured mesh of 20-node hexahedra (C3D20R) in a box, numbered plane by plane along x, so that the band is narrow.
import { ToolError } from './state.js';

/** A job of this size takes tens of seconds and 0.3 GB; the plans need 200 elements. */
const MAX_ELEMENTS = 1500;

/** Local coordinates of the 20 nodes in half element steps, in the order of C3D20 (CalculiX manual, section 6.2.4). */
// biome-ignore format: a table
const LOCAL = [
  [0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [0, 0, 2], [2, 0, 2], [2, 2, 2], [0, 2, 2],
  [1, 0, 0], [2, 1, 0], [1, 2, 0], [0, 1, 0], [1, 0, 2], [2, 1, 2], [1, 2, 2], [0, 1, 2],
  [0, 0, 1], [2, 0, 1], [2, 2, 1], [0, 2, 1],
];

/** Corner and mid-side nodes of the face at the element's high-x end. */
const HIGH_X_CORNERS = [1, 2, 6, 5];
const HIGH_X_MIDS = [9, 18, 13, 17];

/**
 * How many elements along x, y, z. `size` is the distance of neighbouring nodes along the beam, so an element is twice as long.
 * Across, bending needs two quadratic elements and no more: an eighth of the density is enough.
 *
 * @param box  edges along x, y, z in mm
 * @param size mm
 */
export function countElements([length, width, height], size) {
  const along = Math.max(20, Math.ceil(length / (2 * size)));
  const across = (edge) => Math.max(2, Math.ceil(edge / (8 * size)));
  const counts = [along, across(width), across(height)];
  const elements = counts[0] * counts[1] * counts[2];
  if (elements > MAX_ELEMENTS) {
    throw new ToolError(`size ${size} mm gives ${elements} elements, at most ${MAX_ELEMENTS} are allowed: raise size.`);
  }
  return counts;
}

/**
 * Meshes a box.
 *
 * @param low    lowest corner, mm
 * @param box    edges along x, y, z, mm
 * @param counts elements along x, y, z
 * @returns nodes as x, y, z in mm, and elements as 20 indices of nodes (from 0)
 */
export function meshBox(low, box, counts) {
  const steps = counts.map((count) => 2 * count);
  const index = new Map();
  const nodes = [];
  for (let i = 0; i <= steps[0]; i += 1) {
    for (let j = 0; j <= steps[1]; j += 1) {
      for (let k = 0; k <= steps[2]; k += 1) {
        if ((i & 1) + (j & 1) + (k & 1) > 1) continue; // these elements have no node in a face or in the middle
        index.set(`${i},${j},${k}`, nodes.length);
        nodes.push([i, j, k].map((step, axis) => low[axis] + (box[axis] * step) / steps[axis]));
      }
    }
  }
  const elements = [];
  for (let i = 0; i < steps[0]; i += 2) {
    for (let j = 0; j < steps[1]; j += 2) {
      for (let k = 0; k < steps[2]; k += 2) {
        elements.push(LOCAL.map(([x, y, z]) => index.get(`${i + x},${j + y},${k + z}`)));
      }
    }
  }
  return { nodes, elements };
}

/** Nodes in the plane x = lowest, which the wall holds. */
export function clampedNodes({ nodes }) {
  const lowest = Math.min(...nodes.map(([x]) => x));
  return nodes.flatMap(([x], node) => (x === lowest ? [node] : []));
}

/**
 * Shares of a uniform traction on the tip face, by node: the integrals of the shape functions over the face, divided by its
 * area. On a rectangular 8-node face these are -1/12 for a corner and 1/3 for a mid-side node; equal shares would be wrong.
 * The same shares turn displacements into their mean over the face.
 *
 * @returns pairs of node and share; the shares add up to 1
 */
export function tipShares({ nodes, elements }) {
  const highest = Math.max(...nodes.map(([x]) => x));
  const faces = elements.filter((element) => HIGH_X_CORNERS.every((corner) => nodes[element[corner]][0] === highest));
  const shares = new Map();
  const add = (node, share) => shares.set(node, (shares.get(node) ?? 0) + share / faces.length); // all faces are equal
  for (const element of faces) {
    for (const corner of HIGH_X_CORNERS) add(element[corner], -1 / 12);
    for (const mid of HIGH_X_MIDS) add(element[mid], 1 / 3);
  }
  return [...shares].sort(([a], [b]) => a - b);
}
