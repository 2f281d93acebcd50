import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isState, MerkleTree } from '../../src/ir/merkle.ts';
import { sha256 as portable } from '../../src/base/sha256.ts';

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/**
 * The leaves that implementations of RFC 6962 test with, and the root of each number of them: the reference data of Certificate
 * Transparency (certificate-transparency, merkletree/merkle_tree_test.cc; transparency-dev/merkle, testonly/constants.go).
 */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** MTH of RFC 6962, section 2.1, word for word: it has nothing in common with the class but the source. */
function mth(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array());
  if (leaves.length === 1) return sha256(Uint8Array.of(0, ...leaves[0]!));
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return sha256(Uint8Array.of(1, ...mth(leaves.slice(0, k)), ...mth(leaves.slice(k))));
}

describe('the Merkle tree of RFC 6962', () => {
  test.each([
    ['with the digest of Node', sha256],
    ['with the digest in ECMAScript', portable],
  ])('gives the published roots, %s', (_name, digest) => {
    const tree = new MerkleTree(digest);
    const roots = [hex(tree.root())];
    for (const leaf of LEAVES) {
      tree.append(Buffer.from(leaf, 'hex'));
      roots.push(hex(tree.root()));
    }
    expect(roots).toEqual(ROOTS);
  });

  test('gives what the recursive definition says, for every size up to 130', () => {
    const tree = new MerkleTree(sha256);
    const leaves: Uint8Array[] = [];
    for (let size = 0; size <= 130; size += 1) {
      expect(hex(tree.root()), `${size} leaves`).toBe(hex(mth(leaves)));
      leaves.push(sha256(Uint8Array.of(size)));
      tree.append(leaves.at(-1)!);
    }
  });

  test('goes on from its state as if it had never stopped, and keeps no more than the digits of its size', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (before, after) => {
        const leaf = (index: number) => sha256(Uint8Array.of(index % 256, index >> 8));
        const whole = new MerkleTree(sha256);
        let resumed = new MerkleTree(sha256);
        for (let index = 0; index < before + after; index += 1) {
          if (index === before) resumed = new MerkleTree(sha256, resumed.state());
          whole.append(leaf(index));
          resumed.append(leaf(index));
        }
        expect(hex(resumed.root())).toBe(hex(whole.root()));
        expect(resumed.state().nodes.length).toBeLessThanOrEqual(10);
      }),
      { numRuns: 60 },
    );
  });

  test('a leaf is not taken for a node', () => {
    const [left, right] = [sha256(Uint8Array.of(1)), sha256(Uint8Array.of(2))];
    const pair = new MerkleTree(sha256);
    pair.append(left);
    pair.append(right);
    const forged = new MerkleTree(sha256);
    forged.append(Buffer.concat([sha256(Uint8Array.of(0, ...left)), sha256(Uint8Array.of(0, ...right))]));
    expect(hex(forged.root())).not.toBe(hex(pair.root()));
  });

  test('refuses a state that is none', () => {
    const node = new Uint8Array(32);
    expect(isState({ size: 6, nodes: [node, node] })).toBe(true);
    for (const state of [
      { size: 6, nodes: [node] },
      { size: 4, nodes: [node, node] },
      { size: -1, nodes: [] },
      { size: 1.5, nodes: [node, node] },
      { size: 1, nodes: [new Uint8Array(31)] },
    ]) {
      expect(isState(state)).toBe(false);
      expect(() => new MerkleTree(sha256, state)).toThrow(RangeError);
    }
  });
});
