import type { RandomStream } from '../base/random.ts';

/** A design to spread: `rows` are changed in place. */
interface MaximinTask {
  /** m rows in the unit cube, whose coordinates may be exchanged within a column. */
  readonly rows: number[][];
  /** Rows that stay, and from which the others should keep away too. */
  readonly fixed: readonly (readonly number[])[];
  /** Columns that count for the distance. */
  readonly columns: readonly number[];
  /** Where a place in that column truly is: integers and ordered values sit at the middle of their share. */
  readonly place: (column: number, unit: number) => number;
  readonly isAccepted: (row: readonly number[]) => boolean;
  readonly random: RandomStream;
}

/** Equal points, which a few integers cannot avoid, count as this close. */
const LEAST_SQUARED_DISTANCE = 1e-12;

/** Pairs looked at in one optimisation, so that 1,000 points take a few seconds. */
const PAIRS_BUDGET = 120_000_000;
const MOST_PROPOSALS = 200_000;
const PROPOSALS_PER_ROW = 4000;

/** Accepted exchanges after which rounding errors of the stored distances are cleared. */
const REFRESH_AFTER = 10_000;

/**
 * Spreads the rows of a design, so that the closest two are as far apart as a bounded search finds: threshold accepting
 * over phi_p with p = 20, which grows with every close pair. A proposal exchanges one coordinate of two rows, so every
 * column keeps its values (and a Latin design stays Latin), and costs O(m + fixed). Half of the proposals start
 * from the row that is worst off. The number of proposals depends on the sizes alone: no clock decides.
 *
 * Sources: Morris & Mitchell (1995), Exploratory designs for computational experiments, Journal of Statistical Planning
 * and Inference 43, 381-402 (phi_p); Jin, Chen & Sudjianto (2005), An efficient algorithm for constructing optimal design of
 * computer experiments, JSPI 134, 268-287 (incremental update); Dueck & Scheuer (1990), Threshold accepting, Journal of
 * Computational Physics 90, 161-175.
 */
export function optimizeMaximin(task: MaximinTask): void {
  const { rows, columns, random } = task;
  if (rows.length < 2 || columns.length < 2) return; // exchanges would change no distance
  const state = new Spread(task);
  const proposals = Math.min(MOST_PROPOSALS, PROPOSALS_PER_ROW * rows.length, Math.ceil(PAIRS_BUDGET / state.total));
  const cooling = Math.floor(0.6 * proposals);
  for (let proposal = 0; proposal < proposals; proposal += 1) {
    const worst = state.worst();
    const threshold = proposal < cooling ? 0.4 * worst.badness * (1 - proposal / cooling) : 0;
    const i = random.uniform() < 0.5 ? worst.row : random.integer(rows.length);
    const j = (i + 1 + random.integer(rows.length - 1)) % rows.length;
    const column = random.integer(columns.length);
    if (state.change(i, j, column) < threshold && tryExchange(task, i, j, columns[column]!)) {
      state.exchange(i, j, column);
    }
  }
}

/** Exchanges a coordinate of two rows, if both stay acceptable; says whether it did. */
function tryExchange({ rows, isAccepted }: MaximinTask, i: number, j: number, dimension: number): boolean {
  const first = rows[i]!.with(dimension, rows[j]![dimension]!);
  const second = rows[j]!.with(dimension, rows[i]![dimension]!);
  if (!isAccepted(first) || !isAccepted(second)) return false;
  rows[i] = first;
  rows[j] = second;
  return true;
}

/** Squared distances of all movable rows to all rows, and how badly off each movable row is. */
class Spread {
  /** Movable and fixed rows together; the movable ones come first. */
  readonly total: number;
  readonly #movable: number;
  /** One array of places for each column that counts. */
  readonly #places: Float64Array[];
  /** Row-major, movable x total. */
  readonly #squared: Float64Array;
  /** Sum of d^-20 over the distances of each movable row. */
  readonly #badness: Float64Array;
  #exchanges = 0;

  constructor({ rows, fixed, columns, place }: MaximinTask) {
    const all = [...rows, ...fixed];
    this.total = all.length;
    this.#movable = rows.length;
    this.#places = columns.map((column) => Float64Array.from(all, (row) => place(column, row[column]!)));
    this.#squared = new Float64Array(this.#movable * this.total);
    this.#badness = new Float64Array(this.#movable);
    this.#refresh();
  }

  worst(): { row: number; badness: number } {
    let row = 0;
    for (let other = 1; other < this.#movable; other += 1) if (this.#badness[other]! > this.#badness[row]!) row = other;
    return { row, badness: this.#badness[row]! };
  }

  /** How much worse off rows i and j would be, together, after exchanging a coordinate. Their own distance stays. */
  change(i: number, j: number, column: number): number {
    const places = this.#places[column]!;
    const xi = places[i]!;
    const xj = places[j]!;
    if (xi === xj) return Number.POSITIVE_INFINITY;
    const between = nearness(this.#squared[i * this.total + j]!);
    let after = 0;
    for (
      let other = 0, ofI = i * this.total, ofJ = j * this.total;
      other < this.total;
      other += 1, ofI += 1, ofJ += 1
    ) {
      if (other === i || other === j) continue;
      const fromI = places[other]! - xi;
      const fromJ = places[other]! - xj;
      const shift = fromJ * fromJ - fromI * fromI;
      after += nearness(this.#squared[ofI]! + shift) + nearness(this.#squared[ofJ]! - shift);
    }
    return after - (this.#badness[i]! - between) - (this.#badness[j]! - between);
  }

  exchange(i: number, j: number, column: number): void {
    const places = this.#places[column]!;
    const xi = places[i]!;
    const xj = places[j]!;
    for (let other = 0; other < this.total; other += 1) {
      if (other === i || other === j) continue;
      const fromI = places[other]! - xi;
      const fromJ = places[other]! - xj;
      const shift = fromJ * fromJ - fromI * fromI;
      this.#move(i, other, shift);
      this.#move(j, other, -shift);
    }
    places[i] = xj;
    places[j] = xi;
    this.#sum(i);
    this.#sum(j);
    this.#exchanges += 1;
    if (this.#exchanges % REFRESH_AFTER === 0) this.#refresh();
  }

  #move(row: number, other: number, shift: number): void {
    const at = row * this.total + other;
    const before = this.#squared[at]!;
    const after = before + shift;
    this.#squared[at] = after;
    if (other >= this.#movable) return;
    this.#squared[other * this.total + row] = after;
    const badness = this.#badness[other]!;
    const updated = badness - nearness(before) + nearness(after);
    this.#badness[other] = updated;
    if (updated < 1e-4 * badness) this.#sum(other); // cancellation left no digits to trust
  }

  #sum(row: number): void {
    let sum = 0;
    for (let other = 0; other < this.total; other += 1) {
      if (other !== row) sum += nearness(this.#squared[row * this.total + other]!);
    }
    this.#badness[row] = sum;
  }

  #refresh(): void {
    for (let row = 0; row < this.#movable; row += 1) {
      for (let other = 0; other < this.total; other += 1) {
        let squared = 0;
        for (const places of this.#places) squared += (places[row]! - places[other]!) * (places[row]! - places[other]!);
        this.#squared[row * this.total + other] = squared;
      }
    }
    for (let row = 0; row < this.#movable; row += 1) this.#sum(row);
  }
}

/** d^-20 of a squared distance: the exponent is large enough that the closest pairs decide. */
function nearness(squared: number): number {
  const inverse = 1 / Math.max(squared, LEAST_SQUARED_DISTANCE);
  const second = inverse * inverse;
  const fourth = second * second;
  return fourth * fourth * second;
}
