import { Box, Text, useInput, type Key as InkKey } from 'ink';
import { useEffect, useReducer } from 'react';
import type { Style } from '../../style.ts';
import { frameLines } from './frame.ts';
import { initialState, press, resize } from './state.ts';
import type { Fixed, Key, Outcome, ScreenState } from './types.ts';

interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The terminal, as the screen sees it. */
export interface ScreenSize {
  readonly now: () => Size;
  /** Calls back when the size has changed; returns the way to stop. */
  readonly subscribe: (changed: () => void) => () => void;
}

export interface ReviewScreenProps {
  readonly fixed: Fixed;
  readonly style: Style;
  readonly size: ScreenSize;
  readonly onOutcome: (outcome: Outcome) => void;
  /** ctrl-z. */
  readonly onSuspend: () => void;
}

type Action = { readonly keys: readonly Key[] } | { readonly size: Size };

/** The review on a terminal: it draws the state, and hands keys to the machine in state.ts. */
export function ReviewScreen({ fixed, style, size, onOutcome, onSuspend }: ReviewScreenProps) {
  const reduce = (state: ScreenState, action: Action): ScreenState =>
    'size' in action
      ? resize(state, fixed, action.size)
      : action.keys.reduce((before, key) => press(before, key, fixed), state);
  const [state, act] = useReducer(reduce, size.now(), initialState);
  useEffect(() => size.subscribe(() => act({ size: size.now() })), [size]);
  useEffect(() => {
    if (state.outcome !== null) onOutcome(state.outcome);
  }, [state.outcome, onOutcome]);
  useInput((input, key) => {
    if (key.ctrl && input === 'z') onSuspend();
    else act({ keys: keysOf(input, key) });
  });
  return (
    <Box flexDirection="column" width={state.columns}>
      {frameLines(state, fixed, style).map((line, at) => (
        <Text key={at} wrap="truncate">
          {line === '' ? ' ' : line}
        </Text>
      ))}
    </Box>
  );
}

/** What Ink says of a chunk of input as keys of ours: one for a key, one for each character of what was pasted. */
export function keysOf(input: string, key: InkKey): Key[] {
  if (key.upArrow) return ['up'];
  if (key.downArrow) return ['down'];
  if (key.leftArrow) return ['left'];
  if (key.rightArrow) return ['right'];
  if (key.pageUp) return ['pageup'];
  if (key.pageDown) return ['pagedown'];
  if (key.home) return ['home'];
  if (key.end) return ['end'];
  if (key.tab) return [key.shift ? 'shift-tab' : 'tab'];
  if (key.return) return ['enter'];
  if (key.escape) return ['escape'];
  if (key.backspace || key.delete) return ['backspace'];
  if (key.ctrl) return input === 'c' || input === 'd' || input === 'u' ? [`ctrl-${input}`] : [];
  if (key.meta) return [];
  return [...input].flatMap(characterKey);
}

/** Control characters that stand for a key also where a terminal sends them together with text. */
const CONTROLS: Readonly<Record<string, Key>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\b': 'backspace',
  '\u007f': 'backspace',
  '\u0003': 'ctrl-c',
  '\u0004': 'ctrl-d',
  '\u0015': 'ctrl-u',
};

function characterKey(character: string): Key[] {
  const control = CONTROLS[character];
  if (control !== undefined) return [control];
  return /[\p{C}\p{Zl}\p{Zp}]/u.test(character) ? [] : [{ text: character }];
}
