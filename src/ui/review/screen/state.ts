import { PANES } from '../model.ts';
import type { Content } from './content.ts';
import { HELP } from './help.ts';
import { foldAll, otherAxes, search, toggle } from './moves.ts';
import type { Fixed, Key, ScreenState } from './types.ts';
import { bodyHeight, cursorLine, linesOf, moveTo } from './viewport.ts';

/*
 * The screen as a pure machine: a key comes in, the next state comes out. Nothing here draws, waits or signs.
 */

export function initialState(size: { columns: number; rows: number }): ScreenState {
  return {
    ...size,
    pane: 0,
    places: PANES.map(() => ({ entry: 0, offset: 0, top: 0 })),
    toggled: new Set(),
    axes: { x: 0, y: 1 },
    mode: { kind: 'list' },
    query: '',
    message: '',
    outcome: null,
  };
}

/** What has to be typed to approve: nobody approves by a slip of the finger, nor another lock than the one that is shown. */
export function approvalPhrase(content: Content): string {
  return `approve ${content.lock_sha256.slice(0, 8)}`;
}

/** The terminal has another size: the cursor stays on its row. */
export function resize(state: ScreenState, fixed: Fixed, size: { columns: number; rows: number }): ScreenState {
  const resized = { ...state, ...size };
  return moveTo(resized, fixed, cursorLine(linesOf(resized, fixed), state.places[state.pane]!));
}

export function press(state: ScreenState, key: Key, fixed: Fixed): ScreenState {
  if (state.outcome !== null) return state;
  if (key === 'ctrl-c') return { ...state, outcome: { kind: 'SIGINT' } };
  const next = { ...state, message: '' };
  const { mode } = next;
  if (mode.kind === 'list') return pressInList(next, key, fixed);
  if (mode.kind === 'help') return pressInHelp(next, mode.top, key);
  if (mode.kind === 'notice') return pressInNotice(next, key);
  if (key === 'escape') return { ...next, mode: { kind: 'list' } };
  if (key === 'enter') return entered(next, mode.kind, mode.typed.trim(), fixed);
  if (key === 'backspace') return typed(next, mode.kind, [...mode.typed].slice(0, -1).join(''));
  if (key === 'ctrl-u') return typed(next, mode.kind, '');
  return typeof key === 'object' ? typed(next, mode.kind, mode.typed + key.text) : next;
}

/** Only keys that nobody types on: what is typed into a notice by mistake must not decide anything. */
function pressInNotice(state: ScreenState, key: Key): ScreenState {
  const name = typeof key === 'object' ? key.text : key;
  return ['escape', 'enter', 'q', ' '].includes(name) ? { ...state, mode: { kind: 'list' } } : state;
}

/** Help scrolls where it does not fit; any other key ends it. */
function pressInHelp(state: ScreenState, top: number, key: Key): ScreenState {
  const name = typeof key === 'object' ? key.text : key;
  const to = (line: number): ScreenState => ({ ...state, mode: { kind: 'help', top: Math.max(0, line) } });
  const most = Math.max(0, HELP.length - bodyHeight(state));
  if (name === 'down' || name === 'j') return to(Math.min(top + 1, most));
  if (name === 'up' || name === 'k') return to(top - 1);
  return { ...state, mode: { kind: 'list' } };
}

type Prompt = 'search' | 'approve' | 'reject';

function typed(state: ScreenState, kind: Prompt, text: string): ScreenState {
  return { ...state, mode: { kind, typed: text, problem: '' } };
}

/** A rejection beats every approval: one enter too many must not sign it. */
const SURE = 'Press enter again to sign this rejection.';

/** Longest reason, as a statement can carry it. */
const LONGEST_REASON = 2048;

function entered(state: ScreenState, kind: Prompt, text: string, fixed: Fixed): ScreenState {
  const refused = (problem: string): ScreenState => ({ ...state, mode: { kind, typed: text, problem } });
  switch (kind) {
    case 'search':
      return search({ ...state, mode: { kind: 'list' }, query: text }, fixed, 1, true);
    case 'approve':
      if (text === approvalPhrase(fixed.content)) return { ...state, outcome: { kind: 'approve' } };
      return refused(`That is not \`${approvalPhrase(fixed.content)}\`.`);
    case 'reject':
      if (text === '') return refused('A rejection needs a reason.');
      if (text.length > LONGEST_REASON) return refused(`A reason has at most ${LONGEST_REASON} characters.`);
      if (state.mode.kind === 'reject' && state.mode.problem === SURE)
        return { ...state, outcome: { kind: 'reject', reason: text } };
      return refused(SURE);
  }
}

function pressInList(state: ScreenState, key: Key, fixed: Fixed): ScreenState {
  const lines = linesOf(state, fixed);
  const at = cursorLine(lines, state.places[state.pane]!);
  const height = bodyHeight(state);
  switch (typeof key === 'object' ? key.text : key) {
    case 'up':
    case 'k':
      return moveTo(state, fixed, at - 1, -1);
    case 'down':
    case 'j':
      return moveTo(state, fixed, at + 1);
    case 'pageup':
      return moveTo(state, fixed, at - height, -1);
    case 'pagedown':
      return moveTo(state, fixed, at + height);
    case 'ctrl-u':
      return moveTo(state, fixed, at - Math.ceil(height / 2), -1);
    case 'ctrl-d':
      return moveTo(state, fixed, at + Math.ceil(height / 2));
    case 'home':
    case 'g':
      return moveTo(state, fixed, 0);
    case 'end':
    case 'G':
      return moveTo(state, fixed, lines.length - 1);
    case 'tab':
    case 'right':
    case 'l':
      return toPane(state, fixed, state.pane + 1);
    case 'shift-tab':
    case 'left':
    case 'h':
      return toPane(state, fixed, state.pane - 1);
    case 'enter':
    case ' ':
      return toggle(state, fixed, [state.places[state.pane]!.entry]);
    case 'z':
      return foldAll(state, fixed);
    case 'x':
      return otherAxes(state, fixed, 'x');
    case 'y':
      return otherAxes(state, fixed, 'y');
    case '/':
      return typed(state, 'search', '');
    case 'n':
      return search(state, fixed, 1, false);
    case 'N':
      return search(state, fixed, -1, false);
    case 'a':
      return asked(state, 'approve', fixed);
    case 'r':
      return asked(state, 'reject', fixed);
    case '?':
      return { ...state, mode: { kind: 'help', top: 0 } };
    case 'q':
      return { ...state, outcome: { kind: 'quit' } };
    case 'escape':
      return state.query === '' ? { ...state, outcome: { kind: 'quit' } } : { ...state, query: '' };
    default:
      return toNumber(state, key, fixed);
  }
}

/** Keys 1 to 8 are the panes. */
function toNumber(state: ScreenState, key: Key, fixed: Fixed): ScreenState {
  const number = typeof key === 'object' && /^[1-9]$/.test(key.text) ? Number(key.text) : 0;
  return number >= 1 && number <= PANES.length ? toPane(state, fixed, number - 1) : state;
}

function toPane(state: ScreenState, fixed: Fixed, pane: number): ScreenState {
  const next = { ...state, pane: (pane + PANES.length) % PANES.length };
  return moveTo(next, fixed, cursorLine(linesOf(next, fixed), next.places[next.pane]!));
}

function asked(state: ScreenState, kind: 'approve' | 'reject', { signing }: Fixed): ScreenState {
  const signer = signing[kind];
  return signer.ok ? typed(state, kind, '') : { ...state, mode: { kind: 'notice', ...signer } };
}
