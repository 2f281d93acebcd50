import { log } from '../../base/portable-math.ts';
import { shownNumber } from '../format.ts';

/** One axis of a scatter: values outside of its bounds are not drawn, but counted. */
export interface ScatterAxis {
  /** Safe text of one line. */
  readonly title: string;
  readonly min: number;
  readonly max: number;
  readonly scale?: 'linear' | 'log';
}

export interface ScatterOptions {
  readonly x: ScatterAxis;
  readonly y: ScatterAxis;
  /** Of the plot itself, in terminal cells; the axes need more. */
  readonly width: number;
  readonly height: number;
  /** Only ASCII characters: `.` one point, `o` two or three, `#` more. Else braille: two by four dots in a cell. */
  readonly ascii?: boolean;
}

/** Cells of the labels at the left. */
const LABEL_WIDTH = 9;

/** Width of the lines of a scatter whose plot has this width. */
export function scatterWidth(width: number): number {
  return LABEL_WIDTH + 2 + width;
}

/** Points of two variables as lines of text: title, plot with its bounds, bounds of x. */
export function scatter(points: readonly (readonly [x: number, y: number])[], options: ScatterOptions): string[] {
  const { x, y, width, height } = options;
  const { rows, outside } = options.ascii === true ? asciiRows(points, options) : brailleRows(points, options);
  const plot = rows.map((row, at) => {
    const label = at === 0 ? shownNumber(y.max) : at === height - 1 ? shownNumber(y.min) : '';
    return `${label.slice(0, LABEL_WIDTH).padStart(LABEL_WIDTH)} |${row}`.trimEnd();
  });
  const indent = ' '.repeat(LABEL_WIDTH + 1);
  const [low, high] = [shownNumber(x.min), shownNumber(x.max)];
  const between = ' '.repeat(Math.max(1, width - low.length - high.length));
  const missing = outside === 0 ? [] : [`${indent} ${outside} points lie outside`];
  return [
    `${indent}${y.title} over ${x.title}`,
    ...plot,
    `${indent}+${'-'.repeat(width)}`,
    `${indent} ${low}${between}${high}`,
    ...missing,
  ];
}

interface Plotted {
  readonly rows: readonly string[];
  readonly outside: number;
}

function asciiRows(points: readonly (readonly [number, number])[], options: ScatterOptions): Plotted {
  const { counts, outside } = binned(points, options, options.width, options.height);
  const marks = (count: number): string => (count === 0 ? ' ' : count === 1 ? '.' : count < 4 ? 'o' : '#');
  return { rows: counts.map((row) => row.map(marks).join('')), outside };
}

/** Dots of a braille cell by column and row, from the top (Unicode, block U+2800). */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

function brailleRows(points: readonly (readonly [number, number])[], options: ScatterOptions): Plotted {
  const { width, height } = options;
  const { counts, outside } = binned(points, options, width * 2, height * 4);
  const cell = (column: number, row: number): string => {
    let bits = 0;
    for (const [dx, dots] of DOTS.entries()) {
      for (const [dy, dot] of dots.entries()) if (counts[row * 4 + dy]![column * 2 + dx]! > 0) bits |= dot;
    }
    return bits === 0 ? ' ' : String.fromCodePoint(0x2800 + bits);
  };
  const columns = Array.from({ length: width }, (_, column) => column);
  return {
    rows: Array.from({ length: height }, (_, row) => columns.map((column) => cell(column, row)).join('')),
    outside,
  };
}

/** How many points fall into each bin; the first row is the top. */
function binned(
  points: readonly (readonly [number, number])[],
  { x, y }: ScatterOptions,
  columns: number,
  rows: number,
): { counts: number[][]; outside: number } {
  const counts = Array.from({ length: rows }, () => new Array<number>(columns).fill(0));
  let outside = 0;
  for (const [px, py] of points) {
    const column = bin(px, x, columns);
    const row = bin(py, y, rows);
    if (column === null || row === null) outside += 1;
    else counts[rows - 1 - row]![column]! += 1;
  }
  return { counts, outside };
}

/** Bin of a value, from the least; null if it is out of bounds. Where the bounds are equal, all is in the middle. */
function bin(value: number, { min, max, scale }: ScatterAxis, bins: number): number | null {
  if (!(value >= min && value <= max)) return null;
  if (min === max) return Math.floor(bins / 2);
  const share = scale === 'log' && min > 0 ? log(value / min) / log(max / min) : (value - min) / (max - min);
  return Math.min(bins - 1, Math.max(0, Math.floor(share * bins)));
}
