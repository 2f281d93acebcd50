/** SHA-256 of bytes: 32 of them. Passed in, so that a machine's own implementation can be used. */
export type BytesDigest = (bytes: Uint8Array) => Uint8Array;

const HASH_BYTES = 32;
/** What is hashed of a leaf and of a node begins differently, so that neither can be passed off as the other. */
const LEAF_PREFIX = 0;
const NODE_PREFIX = 1;

/**
 * The Merkle tree of RFC 6962 over leaves that are only ever added.
 *
 * Of the tree, only the roots of its perfect subtrees are kept, one for each binary digit 1 of its size: O(log n), enough to add leaves
 * and to tell the root of what there is. That two sizes of one log are consistent is proved by whoever has all leaves: adding them up to
 * the lesser size gives its root.
 *
 * Source: RFC 6962 (2013), section 2.1.
 */
export class MerkleTree {
  readonly #sha256: BytesDigest;
  /** Roots of perfect subtrees, the largest first. */
  readonly #nodes: Uint8Array[];
  #size: number;
  readonly #leaf = new Uint8Array(1 + HASH_BYTES);
  readonly #pair = new Uint8Array(1 + 2 * HASH_BYTES);

  /** @param state of an earlier tree, to go on with. @throws RangeError where no tree of that size has as many perfect subtrees */
  constructor(sha256: BytesDigest, state: MerkleState = { size: 0, nodes: [] }) {
    if (!isState(state))
      throw new RangeError(`a tree of ${state.size} leaves is not told by ${state.nodes.length} nodes`);
    this.#sha256 = sha256;
    this.#size = state.size;
    this.#nodes = [...state.nodes];
    this.#leaf[0] = LEAF_PREFIX;
    this.#pair[0] = NODE_PREFIX;
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** @param leaf its content, of any length; that of 32 bytes costs no allocation */
  append(leaf: Uint8Array): void {
    let node = this.#leafHash(leaf);
    for (let size = this.#size; size % 2 === 1; size = (size - 1) / 2) node = this.#parent(this.#nodes.pop()!, node);
    this.#nodes.push(node);
    this.#size += 1;
  }

  /** 32 bytes; of the empty tree, the digest of nothing. */
  root(): Uint8Array {
    if (this.#size === 0) return this.#sha256(new Uint8Array(0));
    return this.#nodes.reduceRight((right, left) => this.#parent(left, right));
  }

  /** All that is needed to go on later. */
  state(): MerkleState {
    return { size: this.#size, nodes: [...this.#nodes] };
  }

  #leafHash(leaf: Uint8Array): Uint8Array {
    const bytes = leaf.length === HASH_BYTES ? this.#leaf : new Uint8Array(1 + leaf.length);
    bytes[0] = LEAF_PREFIX;
    bytes.set(leaf, 1);
    return this.#sha256(bytes);
  }

  #parent(left: Uint8Array, right: Uint8Array): Uint8Array {
    this.#pair.set(left, 1);
    this.#pair.set(right, 1 + HASH_BYTES);
    return this.#sha256(this.#pair);
  }
}

/** A tree as it is kept between two processes. */
export interface MerkleState {
  readonly size: number;
  /** Roots of the perfect subtrees, the largest first; 32 bytes each. */
  readonly nodes: readonly Uint8Array[];
}

/** Whether there can be such a tree: one node of 32 bytes for each binary digit 1 of its size. */
export function isState({ size, nodes }: MerkleState): boolean {
  if (!Number.isSafeInteger(size) || size < 0 || nodes.some((node) => node.length !== HASH_BYTES)) return false;
  let ones = 0;
  for (let left = size; left > 0; left = Math.floor(left / 2)) ones += left % 2;
  return ones === nodes.length;
}
