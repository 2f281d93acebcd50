import { contentOf } from '../../../../src/ui/review/screen/content.ts';
import { createLayout } from '../../../../src/ui/review/screen/lines.ts';
import { initialState, press } from '../../../../src/ui/review/screen/state.ts';
import type { Fixed, Key, ScreenState, Signing } from '../../../../src/ui/review/screen/types.ts';
import { reviewOf } from '../../../../src/ui/review/view.ts';
import { beamInput } from '../beam.ts';

export const ALICE: Signing = { ok: true, principal: 'alice', role: 'lead', key: 'SHA256:abc', self_approved: true };

export const review = reviewOf(beamInput());

/** What the screen shows of the beam. */
export function fixedOf(changes: Partial<Fixed> = {}): Fixed {
  const content = contentOf(review);
  return {
    content,
    layout: createLayout(content),
    signing: { approve: ALICE, reject: ALICE },
    ascii: false,
    ...changes,
  };
}

export const SIZE = { columns: 80, rows: 24 };

const NAMED = [
  'up',
  'down',
  'left',
  'right',
  'pageup',
  'pagedown',
  'home',
  'end',
  'tab',
  'shift-tab',
  'enter',
  'escape',
];
const OTHERS = ['backspace', 'ctrl-c', 'ctrl-d', 'ctrl-u'];

/** Presses keys: names of keys, or texts of which each character is one. */
export function pressed(fixed: Fixed, keys: readonly string[], from: ScreenState = initialState(SIZE)): ScreenState {
  const all = keys.flatMap((key): Key[] =>
    [...NAMED, ...OTHERS].includes(key) ? [key as Key] : [...key].map((text) => ({ text })),
  );
  return all.reduce((state, key) => press(state, key, fixed), from);
}
