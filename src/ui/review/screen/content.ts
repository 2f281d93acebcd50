import { plural } from '../../format.ts';
import { type Mark, type Pane, PANES, type Review, type ReviewLine } from '../model.ts';
import { coordinates, axesOf, exactPoint, printedPoints } from '../sections/points.ts';
import type { ScatterAxis } from '../scatter.ts';

/** So many points can be scrolled through; the rest is counted. */
const MOST_LISTED = 10_000;

/** A row of a pane, with the titles that stand above it. */
export interface Entry {
  readonly lead: readonly string[];
  readonly mark: Mark;
  readonly text: string;
  readonly details: readonly ReviewLine[];
  /** Whether its details are shown until somebody folds them. */
  readonly open: boolean;
  readonly plot: boolean;
}

/** What the screen moves through. */
export interface Content {
  readonly name: string;
  readonly lock_sha256: string;
  /** The most that the lock can cause, in one line. */
  readonly effort: string;
  /** In the order of PANES. */
  readonly panes: readonly (readonly Entry[])[];
  readonly axes: readonly { readonly at: number; readonly axis: ScatterAxis }[];
  readonly coordinates: (x: number, y: number) => readonly (readonly [number, number])[];
}

export function contentOf(review: Review): Content {
  return {
    name: review.name,
    lock_sha256: review.lock_sha256,
    effort: review.effort,
    panes: PANES.map((pane) => entriesOf(review, pane)),
    axes: axesOf(review.points),
    coordinates: (x, y) => coordinates(review.points, x, y),
  };
}

function entriesOf(review: Review, pane: Pane): Entry[] {
  const sections = review.sections.filter((section) => section.pane === pane);
  if (pane !== 'points') return sections.flatMap(sectionEntries);
  const [designs] = sections;
  const entries = designs === undefined ? [] : sectionEntries(designs);
  return [...entries, ...pointEntries(review)];
}

function sectionEntries({ title, heading, rows }: Review['sections'][number]): Entry[] {
  return rows.map(({ mark, text, details, open, plot }, at) => ({
    lead: at === 0 ? [title, ...(heading === null ? [] : [heading])] : [],
    mark,
    text: plot ? 'plot of all points; keys x and y take other variables' : text,
    details: plot ? [] : details,
    open: open || heading === null,
    plot,
  }));
}

function pointEntries({ points }: Review): Entry[] {
  const { heading, rows } = printedPoints(points, MOST_LISTED);
  const entries = rows.map((text, at): Entry => {
    const lead = at === 0 ? [`Points: ${points.count}, to 6 digits; enter shows one exactly`, heading] : [];
    const details = exactPoint(points, at);
    return { lead, mark: '', text, details, open: false, plot: false };
  });
  if (points.count <= MOST_LISTED) return entries;
  const text = `${plural(points.count - MOST_LISTED, 'more point')}, in the tables above`;
  return [...entries, { lead: [], mark: '!', text, details: [], open: true, plot: false }];
}
