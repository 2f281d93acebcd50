import { cut } from '../../columns.ts';
import { plural } from '../../format.ts';
import type { Style } from '../../style.ts';
import { PANES } from '../model.ts';
import { HELP } from './help.ts';
import { type DisplayLine, isOpen } from './lines.ts';
import { approvalPhrase } from './state.ts';
import type { Fixed, ScreenState, Signing } from './types.ts';
import { bodyHeight, cursorLine, hasTitle, linesOf } from './viewport.ts';
import { cells, wrapped } from './wrap.ts';

/** The lines of a frame: `frameHeight` of them where the terminal has five rows or more. */
export function frameLines(state: ScreenState, fixed: Fixed, style: Style): string[] {
  const { name, lock_sha256 } = fixed.content;
  const title = cut(`expctl review  ${name}  lock ${lock_sha256}`, state.columns);
  return [
    ...(hasTitle(state) ? [style.dim(title)] : []),
    tabs(state, style),
    ...body(state, fixed, style),
    style.dim(position(state, fixed)),
    keys(state, style),
  ];
}

const TITLES: readonly string[] = PANES.map((pane) => `${pane.charAt(0).toUpperCase()}${pane.slice(1)}`);

/** All tabs, or those around the one that is shown. */
function tabs({ pane, columns }: ScreenState, style: Style): string {
  let [first, last] = [0, PANES.length - 1];
  const words = (): string[] => TITLES.slice(first, last + 1).map((title, at) => tab(title, first + at === pane));
  const ends = (): [string, string] => [first > 0 ? '‹' : '', last < PANES.length - 1 ? '›' : ''];
  while (cells(ends().join('') + words().join('')) > columns && first !== last) {
    if (pane - first > last - pane) first += 1;
    else last -= 1;
  }
  const [before, after] = ends();
  const shown = words().map((word, at) => (first + at === pane ? style.accent(style.strong(word)) : word));
  return `${before}${shown.join('')}${after}`;
}

function tab(title: string, active: boolean): string {
  return active ? `[${title}]` : ` ${title} `;
}

function body(state: ScreenState, fixed: Fixed, style: Style): string[] {
  const height = bodyHeight(state);
  const { mode } = state;
  if (mode.kind === 'list' || mode.kind === 'search') return listLines(state, fixed, style, height);
  if (mode.kind === 'help') return filled(helpLines(state).slice(mode.top), height);
  if (mode.kind === 'notice') {
    const said = [mode.message, '', mode.hint].flatMap((text) => wrapped(text, state.columns));
    return filled([...said.map((text, at) => (at === 0 ? style.warn(text) : text)), '', 'esc goes back.'], height);
  }
  const { about, prompt } = dialog(state, fixed, style);
  const room = height - prompt.length;
  const kept =
    about.length <= room
      ? about
      : [...about.slice(0, Math.max(0, room - 1)), cut('… more: enlarge the terminal', state.columns)];
  return filled([...kept.slice(0, Math.max(0, room)), ...prompt], height);
}

function filled(lines: readonly string[], height: number): string[] {
  return Array.from({ length: height }, (_, at) => lines[at] ?? '');
}

function helpLines({ columns }: ScreenState): string[] {
  return HELP.map(([names, does]) => cut(`${names.padEnd(14)} ${does}`, columns));
}

function listLines(state: ScreenState, fixed: Fixed, style: Style, height: number): string[] {
  const lines = linesOf(state, fixed);
  const place = state.places[state.pane]!;
  const at = cursorLine(lines, place);
  const shown = lines.slice(place.top, place.top + height);
  return filled(
    shown.map((line, index) => drawn(line, place.top + index === at, state.query, style)),
    height,
  );
}

const FOLDS = { open: '▾', folded: '▸', none: ' ' } as const;

function drawn(line: DisplayLine, at_cursor: boolean, query: string, style: Style): string {
  const { kind, mark, fold, text, untrusted } = line;
  if (kind === 'title') return style.strong(style.accent(text));
  const prefix = `${at_cursor ? '>' : ' '}${mark === '' ? ' ' : mark}${FOLDS[fold]} `;
  const found = query !== '' && text.toLowerCase().includes(query.toLowerCase());
  const coloured = at_cursor || found ? style.strong(text) : untrusted || kind === 'heading' ? style.dim(text) : text;
  const marked = mark === '!' ? style.warn : mark === '-' ? style.bad : mark === '+' ? style.good : style.accent;
  return `${at_cursor ? style.accent(prefix[0]!) : ' '}${marked(prefix[1]!)}${style.dim(prefix[2]!)} ${coloured}`;
}

/** What is asked before a decision is taken: who signs what, then the prompt. */
function dialog(state: ScreenState, fixed: Fixed, style: Style): { about: string[]; prompt: string[] } {
  const { mode, columns } = state;
  if (mode.kind !== 'approve' && mode.kind !== 'reject') return { about: [], prompt: [] };
  const { content, signing } = fixed;
  const what = `${mode.kind === 'approve' ? 'Approve' : 'Reject'} ${content.name}, lock ${content.lock_sha256.slice(0, 16)}…`;
  const asked =
    mode.kind === 'approve' ? `Type \`${approvalPhrase(content)}\`, then enter.` : 'Give the reason, then enter.';
  const wrap = (text: string): string[] => wrapped(text, columns);
  const wanting = content.panes.flat().filter(({ mark }) => mark === '!').length;
  const looks = wanting === 0 ? [] : wrap(`! ${plural(wanting, 'row')} marked ! in this review`);
  const warned = (text: string): string => (text.startsWith('!') ? style.warn(text) : text);
  const about = [
    ...wrap(what).map((text) => style.strong(text)),
    ...signerLines(signing[mode.kind], mode.kind).flatMap(wrap).map(warned),
    ...(mode.kind === 'approve' ? [...wrap(content.effort), ...looks.map(warned)] : []),
  ];
  const problem = mode.problem === '' ? [] : wrap(mode.problem).map((text) => style.bad(text));
  return {
    about,
    prompt: [
      ...(problem.length === 0 && hasTitle(state) ? [''] : problem),
      ...wrap(asked),
      `> ${tail(mode.typed, columns - 3)}_`,
    ],
  };
}

/** In the order of weight: a small screen shows the first. */
function signerLines(signer: Signing, kind: 'approve' | 'reject'): string[] {
  if (!signer.ok) return [signer.message];
  const role = signer.role === '*' ? 'every role' : `role ${signer.role}`;
  const self = signer.self_approved && kind === 'approve';
  return [`${self ? '! ' : ''}as ${signer.principal}, ${role}${self ? ' (self-approved)' : ''}`, `key ${signer.key}`];
}

/** The end of what is typed, where it does not fit. */
function tail(text: string, width: number): string {
  let kept = text;
  while (cells(kept) > width - 1 && kept !== '') kept = [...kept].slice(1).join('');
  return kept === text ? text : `…${kept}`;
}

/** `row 12 of 40  3 folded  lock f12774ed…`. */
function position(state: ScreenState, { content }: Fixed): string {
  const entries = content.panes[state.pane]!;
  const { entry } = state.places[state.pane]!;
  const folded = entries.filter(
    ({ details }, at) => details.length > 0 && !isOpen(content, state.pane, at, state.toggled),
  ).length;
  const words = [`row ${entry + 1} of ${entries.length}`];
  if (folded > 0) words.push(`${folded} folded`);
  if (state.message !== '') words.push(state.message);
  else if (state.query !== '') words.push(`/${state.query}`);
  const digest = `lock ${content.lock_sha256.slice(0, 8)}`;
  const left = cut(words.join('  '), Math.max(1, state.columns - digest.length - 2));
  return `${left}${' '.repeat(Math.max(2, state.columns - cells(left) - digest.length))}${digest}`;
}

const LIST_KEYS = [
  'a approve',
  'r reject',
  '? help',
  'q quit',
  '/ search',
  'tab pane',
  'j k move',
  'enter fold',
  'z all',
  'n N next',
];

function keys({ mode, columns }: ScreenState, style: Style): string {
  if (mode.kind === 'search') return cut(`/${tail(mode.typed, columns - 2)}_`, columns);
  if (mode.kind === 'help') return cut('j k scroll  any other key back', columns);
  if (mode.kind === 'notice') return cut('esc enter back  ctrl-c leave', columns);
  if (mode.kind !== 'list') return cut('enter sign  esc back  ctrl-c leave', columns);
  let text = '';
  for (const key of LIST_KEYS) {
    const longer = text === '' ? key : `${text}  ${key}`;
    if (cells(longer) > columns) break;
    text = longer;
  }
  return style.dim(text);
}
