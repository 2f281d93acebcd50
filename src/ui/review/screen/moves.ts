import { allMatches, entryKey, isOpen } from './lines.ts';
import type { Fixed, ScreenState } from './types.ts';
import { cursorLine, linesOf, jumpTo } from './viewport.ts';

export function toggle(state: ScreenState, fixed: Fixed, entries: readonly number[]): ScreenState {
  const toggled = new Set(state.toggled);
  for (const entry of entries) {
    const key = entryKey(state.pane, entry);
    if (!toggled.delete(key)) toggled.add(key);
  }
  const next = { ...state, toggled };
  return jumpTo(next, fixed, cursorLine(linesOf(next, fixed), { ...state.places[state.pane]!, offset: 0 }));
}

/** Folds every row of the pane, or opens them all where they are folded. */
export function foldAll(state: ScreenState, fixed: Fixed): ScreenState {
  const { content } = fixed;
  const entries = content.panes[state.pane]!.flatMap(({ details, plot }, at) =>
    details.length > 0 || plot ? [at] : [],
  );
  const open = entries.filter((at) => isOpen(content, state.pane, at, state.toggled));
  const all_open = open.length > 0 ? open : entries;
  return toggle(state, fixed, all_open);
}

/** Another variable on one axis; never the one that is on the other, so that two variables change places. */
export function otherAxes(state: ScreenState, { content }: Fixed, axis: 'x' | 'y'): ScreenState {
  const count = content.axes.length;
  if (count < 2) return { ...state, message: 'There is no plot of two variables.' };
  const other = axis === 'x' ? 'y' : 'x';
  const old = state.axes[axis];
  let next = (old + 1) % count;
  if (next === state.axes[other] && count === 2) return { ...state, axes: { x: state.axes.y, y: state.axes.x } };
  if (next === state.axes[other]) next = (next + 1) % count;
  return { ...state, axes: axis === 'x' ? { ...state.axes, x: next } : { ...state.axes, y: next } };
}

/** The next match after the row, or before it; round the end and through all panes. */
export function search(state: ScreenState, fixed: Fixed, direction: 1 | -1, here: boolean): ScreenState {
  if (state.query === '') return { ...state, message: 'Nothing is searched for; / begins.' };
  const found = allMatches(fixed.content, state.query);
  if (found.length === 0) return { ...state, message: `Not found: ${state.query}` };
  const order = ({ pane, entry }: { pane: number; entry: number }): number => pane * 1e9 + entry;
  const now = order({ pane: state.pane, entry: state.places[state.pane]!.entry }) - (here ? direction / 2 : 0);
  const sorted = direction === 1 ? found : found.toReversed();
  const next = sorted.find((match) => (order(match) - now) * direction > 0) ?? sorted[0]!;
  const number = found.indexOf(next) + 1;
  return { ...showMatch(state, fixed, next), message: `match ${number} of ${found.length}` };
}

/** A folded row that matches is opened: the match may be inside. */
function showMatch(state: ScreenState, fixed: Fixed, { pane, entry }: { pane: number; entry: number }): ScreenState {
  const toggled = new Set(state.toggled);
  const key = entryKey(pane, entry);
  const folded = !isOpen(fixed.content, pane, entry, toggled);
  if (folded && fixed.content.panes[pane]![entry]!.details.length > 0 && !toggled.delete(key)) toggled.add(key);
  const next = { ...state, pane, toggled };
  return jumpTo(next, fixed, cursorLine(linesOf(next, fixed), { entry, offset: 0, top: 0 }));
}
