/*
 * The review of a lock as data: what the screen, the plain text and `--json` show is this one value. Every text in it is already fit
 * for a terminal (`safeText`): whoever draws it adds nothing that came from outside.
 */

/** The panes of the screen, in the order of its tabs. */
export const PANES = ['summary', 'changes', 'variables', 'points', 'steps', 'study', 'tools', 'notes'] as const;
export type Pane = (typeof PANES)[number];

/** `!` wants a look; `+`, `-` and `~` are added, removed and changed. */
export type Mark = '' | '!' | '+' | '-' | '~';

export interface ReviewLine {
  readonly text: string;
  /** Drafted by a model or told by a tool: shown behind a gutter, so that it is not taken for what expctl says. */
  readonly untrusted: boolean;
}

export interface ReviewRow {
  readonly mark: Mark;
  /** One line. */
  readonly text: string;
  /** The rest, whole; a screen may fold it. */
  readonly details: readonly ReviewLine[];
  /** Whether a screen shows the details at once. */
  readonly open: boolean;
  /** The details are the plot of the points, which a screen draws in its own size. */
  readonly plot: boolean;
}

export interface ReviewSection {
  readonly pane: Pane;
  readonly title: string;
  /** Titles of columns, where the rows are a table. */
  readonly heading: string | null;
  readonly rows: readonly ReviewRow[];
}

export interface ReviewColumn {
  /** Name and unit, such as `width [mm]`. */
  readonly title: string;
  /** Bounds of numbers, by which they are plotted; null for words. */
  readonly bounds: { readonly min: number; readonly max: number; readonly scale: 'linear' | 'log' } | null;
}

/** The points of all design tables, numbered as in the run. */
export interface ReviewPoints {
  readonly columns: readonly ReviewColumn[];
  readonly tables: readonly {
    readonly id: string;
    readonly sha256: string;
    readonly first_point: number;
    readonly rows: readonly (readonly (number | string)[])[];
  }[];
  readonly count: number;
}

export interface Review {
  readonly renderer: string;
  readonly name: string;
  readonly lock_sha256: string;
  /** The most that the lock can cause, in one line. */
  readonly effort: string;
  readonly sections: readonly ReviewSection[];
  readonly points: ReviewPoints;
}
