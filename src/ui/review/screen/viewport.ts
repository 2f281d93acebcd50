import type { DisplayLine } from './lines.ts';
import type { Fixed, Place, ScreenState } from './types.ts';

/** Lines of the frame: one less than the terminal has, so that it never scrolls. */
export function frameHeight({ rows }: { rows: number }): number {
  return Math.max(1, rows - 1);
}

/** The title has a line of its own where there is room. */
export function hasTitle({ rows }: { rows: number }): boolean {
  return rows >= 16;
}

/** Lines for the pane, between the tabs and the two lines of the foot. */
export function bodyHeight(size: { rows: number }): number {
  return Math.max(1, frameHeight(size) - (hasTitle(size) ? 2 : 1) - 2);
}

export function linesOf(state: ScreenState, { layout, ascii }: Fixed, pane = state.pane): readonly DisplayLine[] {
  const { columns, rows, toggled, axes } = state;
  return layout(pane, { columns, rows, toggled, axes, ascii });
}

/** Number of the line at which the cursor is. */
export function cursorLine(lines: readonly DisplayLine[], { entry, offset }: Place): number {
  const first = lines.findIndex((line) => line.entry === entry && line.kind === 'row');
  let at = Math.max(0, first);
  for (let left = offset; left > 0 && lines[at + 1]?.kind === 'detail'; left -= 1) at += 1;
  return at;
}

/** Puts the cursor on a line, or on the next one that can bear it, and the line on the screen. */
export function moveTo(state: ScreenState, fixed: Fixed, wanted: number, direction: 1 | -1 = 1): ScreenState {
  const lines = linesOf(state, fixed);
  let at = Math.max(0, Math.min(lines.length - 1, wanted));
  while (isLead(lines[at]) && lines[at + direction] !== undefined) at += direction;
  while (isLead(lines[at]) && lines[at + 1] !== undefined) at += 1;
  let first = at;
  while (lines[first]?.kind === 'detail') first -= 1;
  const place = { entry: lines[at]?.entry ?? 0, offset: at - first, top: 0 };
  return withPlace(state, { ...place, top: scrolled(lines, at, state.places[state.pane]!.top, bodyHeight(state)) });
}

/** The same, and as much of the row below it as fits: for jumps. */
export function jumpTo(state: ScreenState, fixed: Fixed, wanted: number): ScreenState {
  const moved = moveTo(state, fixed, wanted);
  const place = moved.places[moved.pane]!;
  const lines = linesOf(moved, fixed);
  let last = cursorLine(lines, place);
  while (lines[last + 1]?.kind === 'detail') last += 1;
  const top = Math.min(Math.max(place.top, last - bodyHeight(moved) + 1), cursorLine(lines, { ...place, offset: 0 }));
  return withPlace(moved, { ...place, top });
}

/** The top that shows the line, with the titles above it, moved as little as can be. */
function scrolled(lines: readonly DisplayLine[], at: number, top: number, height: number): number {
  let first = at;
  while (first > 0 && isLead(lines[first - 1])) first -= 1;
  const least = at - height + 1;
  const most = Math.max(least, first);
  return Math.max(0, least, Math.min(top, most, Math.max(0, lines.length - height)));
}

function isLead(line: DisplayLine | undefined): boolean {
  return line?.kind === 'title' || line?.kind === 'heading';
}

function withPlace(state: ScreenState, place: Place): ScreenState {
  return { ...state, places: state.places.map((old, pane) => (pane === state.pane ? place : old)) };
}
