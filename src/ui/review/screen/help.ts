/** What `?` shows: keys and what they do, then marks and what they mean. */
export const HELP: readonly (readonly [keys: string, does: string])[] = [
  ['tab ← → 1-8', 'other pane'],
  ['j k ↑ ↓', 'line down, line up'],
  ['ctrl-d ctrl-u', 'half a page down, up'],
  ['pgdn pgup', 'page down, up'],
  ['g G', 'first line, last line'],
  ['enter space', 'open or fold a row'],
  ['z', 'fold or open all rows of the pane'],
  ['x y', 'other variable on an axis of the plot'],
  ['/ n N', 'search in all panes, next, previous'],
  ['a', 'approve: type what is asked, then enter'],
  ['r', 'reject, with a reason'],
  ['q esc', 'back; quit without recording'],
  ['ctrl-c', 'leave without recording'],
  ['! + - ~', 'wants a look, added, removed, changed'],
  ['│', 'written by a model, or told by a tool'],
];
