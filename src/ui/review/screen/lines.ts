import { cut } from '../../columns.ts';
import type { Mark } from '../model.ts';
import { scatter, scatterWidth } from '../scatter.ts';
import type { Content, Entry } from './content.ts';
import { cells, wrapped } from './wrap.ts';

/** A line of a pane as it stands on the screen, without colours. */
export interface DisplayLine {
  /** Number of the row that it belongs to, from 0. */
  readonly entry: number;
  readonly kind: 'title' | 'heading' | 'row' | 'detail';
  readonly mark: Mark;
  readonly fold: 'open' | 'folded' | 'none';
  readonly text: string;
  readonly untrusted: boolean;
}

/** Columns before the text: cursor, mark, fold, space. */
export const PREFIX_WIDTH = 4;
const DETAIL_INDENT = 2;

export interface Shape {
  readonly columns: number;
  readonly rows: number;
  readonly toggled: ReadonlySet<string>;
  readonly axes: { readonly x: number; readonly y: number };
  readonly ascii: boolean;
}

export function entryKey(pane: number, entry: number): string {
  return `${pane}:${entry}`;
}

export function isOpen(content: Content, pane: number, entry: number, toggled: ReadonlySet<string>): boolean {
  return content.panes[pane]![entry]!.open !== toggled.has(entryKey(pane, entry));
}

/** All lines of a pane. Remembers the last answer of each pane: most keys only move. */
export function createLayout(content: Content): (pane: number, shape: Shape) => readonly DisplayLine[] {
  const last = new Map<number, { key: readonly unknown[]; lines: readonly DisplayLine[] }>();
  return (pane, shape) => {
    const { columns, rows, toggled, axes, ascii } = shape;
    const key = [columns, rows, toggled, axes, ascii];
    const known = last.get(pane);
    if (known?.key.every((part, at) => part === key[at])) return known.lines;
    const lines = content.panes[pane]!.flatMap((entry, at) => {
      return entryLines(entry, at, isOpen(content, pane, at, toggled), content, shape);
    });
    last.set(pane, { key, lines });
    return lines;
  };
}

function entryLines(entry: Entry, at: number, open: boolean, content: Content, shape: Shape): DisplayLine[] {
  const width = Math.max(8, shape.columns - PREFIX_WIDTH);
  const [title, heading] = entry.lead;
  const plain = { entry: at, mark: '', fold: 'none', untrusted: false } as const;
  const lead: DisplayLine[] = [];
  if (title !== undefined && at > 0) lead.push({ ...plain, kind: 'title', text: '' });
  if (title !== undefined) lead.push({ ...plain, kind: 'title', text: cut(title, shape.columns) });
  if (heading !== undefined) lead.push({ ...plain, kind: 'heading', text: cut(heading, width) });
  const folds = entry.details.length > 0 || entry.plot || (!open && cells(entry.text) > width);
  const fold = !folds ? 'none' : open ? 'open' : 'folded';
  const [first = '', ...more] = open ? hanging(entry.text, width) : [folded(entry, width)];
  const detail = { ...plain, kind: 'detail' } as const;
  return [
    ...lead,
    { ...plain, kind: 'row', mark: entry.mark, fold, text: first },
    ...more.map((text) => ({ ...detail, text })),
    ...(open ? openLines(entry, width, content, shape).map((line) => ({ ...detail, ...line })) : []),
  ];
}

/** Wrapped so that a value stays to the right of its label, where there is room. */
function hanging(text: string, width: number): string[] {
  if (cells(text) <= width) return [text];
  const label = /^ *\S+(?: \S+)? {2,}/.exec(text)?.[0] ?? '';
  const wide = label.length > 0 && label.length <= width / 3;
  const indent = wide ? label.length : 2 + /^ */.exec(text)![0].length;
  const [first = '', ...rest] = wrapped(text, width);
  if (rest.length === 0) return [first];
  const more = wrapped(text.slice(first.length).trimStart(), width - indent);
  return [first, ...more.map((each) => `${' '.repeat(indent)}${each}`)];
}

function folded({ text, details }: Entry, width: number): string {
  const hidden = details.length === 0 ? '' : ` (+${details.length})`;
  return `${cut(text, width - hidden.length)}${hidden}`;
}

function openLines(
  entry: Entry,
  width: number,
  content: Content,
  shape: Shape,
): { text: string; untrusted: boolean }[] {
  if (entry.plot) return plotLines(content, width, shape).map((text) => ({ text, untrusted: false }));
  const indent = ' '.repeat(DETAIL_INDENT);
  return entry.details.flatMap(({ text, untrusted }) => {
    const gutter = untrusted ? '│ ' : '';
    const lines = hanging(text, width - DETAIL_INDENT - gutter.length);
    return lines.map((each) => ({ text: `${indent}${gutter}${each}`, untrusted }));
  });
}

/** The plot in the space there is: at most half of the rows, at most 60 columns. */
function plotLines(content: Content, width: number, { rows, axes, ascii }: Shape): string[] {
  const [x, y] = [content.axes[axes.x], content.axes[axes.y]];
  if (x === undefined || y === undefined) return [];
  const height = Math.max(3, Math.min(15, Math.floor(rows / 2) - 2));
  const plot_width = Math.max(4, Math.min(60, width - scatterWidth(0)));
  const size = { width: plot_width, height, ascii };
  return scatter(content.coordinates(x.at, y.at), { x: x.axis, y: y.axis, ...size }).map((line) => cut(line, width));
}

/** Entries of a pane that match, in order; a query without capitals ignores case. */
function matches(content: Content, pane: number, query: string): number[] {
  const strict = query !== query.toLowerCase();
  const found = (text: string): boolean => (strict ? text : text.toLowerCase()).includes(query);
  return content.panes[pane]!.flatMap(({ text, details }, at) => {
    return found(text) || details.some((detail) => found(detail.text)) ? [at] : [];
  });
}

/** Every match in all panes, in their order. */
export function allMatches(content: Content, query: string): { pane: number; entry: number }[] {
  return content.panes.flatMap((_, pane) => matches(content, pane, query).map((entry) => ({ pane, entry })));
}
