import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { styleFor } from '../../../../src/ui/style.ts';
import { PANES } from '../../../../src/ui/review/model.ts';
import { frameLines } from '../../../../src/ui/review/screen/frame.ts';
import { approvalPhrase, initialState, press, resize } from '../../../../src/ui/review/screen/state.ts';
import type { Key, ScreenState } from '../../../../src/ui/review/screen/types.ts';
import { cursorLine, frameHeight, linesOf } from '../../../../src/ui/review/screen/viewport.ts';
import { cells } from '../../../../src/ui/review/screen/wrap.ts';
import { ALICE, fixedOf, pressed, review } from './fixed.ts';

const fixed = fixedOf();
const PLAIN = styleFor(false);

function frame(state: ScreenState): string {
  return frameLines(state, fixed, PLAIN).join('\n');
}

describe('moving', () => {
  test('tab goes round the panes, shift-tab back, digits jump', () => {
    expect(PANES[pressed(fixed, ['tab', 'tab']).pane]).toBe('variables');
    expect(PANES[pressed(fixed, ['left']).pane]).toBe('notes');
    expect(PANES[pressed(fixed, ['5', 'tab', 'shift-tab']).pane]).toBe('steps');
    expect(
      pressed(
        fixed,
        Array.from(PANES, () => 'tab'),
      ).pane,
    ).toBe(0);
  });

  test('G shows the last row, g the first with its title, and each pane keeps its place', () => {
    const end = pressed(fixed, ['4', 'G']);
    expect(frame(end)).toContain('\n> ▸    40  judge.1#2');
    expect(frame(end)).toContain('row 45 of 45');
    expect(frame(pressed(fixed, ['g'], end))).toContain('\nDesigns\n> ▾ explore: 16 points');
    expect(frame(pressed(fixed, ['5', '4'], end))).toContain('row 45 of 45');
  });

  test('every line of a pane can be reached with j', () => {
    for (const pane of PANES.keys()) {
      let state = pressed(fixed, [String(pane + 1)]);
      const lines = linesOf(state, fixed);
      const seen = new Set<number>();
      for (let count = 0; count < lines.length; count += 1) {
        const { top } = state.places[pane]!;
        const at = cursorLine(lines, state.places[pane]!);
        expect(at).toBeGreaterThanOrEqual(top);
        seen.add(at);
        state = pressed(fixed, ['j'], state);
      }
      const rows = [...lines.keys()].filter((at) => ['row', 'detail'].includes(lines[at]!.kind));
      expect([...seen].sort((a, b) => a - b)).toEqual(rows);
    }
  });

  test('a smaller terminal keeps the row', () => {
    const state = pressed(fixed, ['5', 'G']);
    const { entry } = state.places[4]!;
    const small = resize(state, fixed, { columns: 40, rows: 10 });
    expect(small.places[4]!.entry).toBe(entry);
    expect(frameLines(small, fixed, PLAIN).some((line) => line.startsWith('>'))).toBe(true);
  });

  test('other variables on the axes of the plot', () => {
    const state = pressed(fixed, ['4', '/plot', 'enter']);
    expect(frame(state)).toContain('height [mm] over width [mm]');
    expect(frame(pressed(fixed, ['x'], state))).toContain('width [mm] over height [mm]');
    expect(pressed(fixed, ['x', 'y'], state).axes).toEqual(state.axes);
  });
});

describe('folding', () => {
  test('enter folds a row and says how much is hidden, enter opens it again', () => {
    const steps = pressed(fixed, ['5']);
    const folded = pressed(fixed, ['enter'], steps);
    expect(frame(folded)).toContain('> ▸ cad: beam/cad.modify (+8)');
    expect(frame(folded)).toContain('1 folded');
    expect(frame(pressed(fixed, [' '], folded))).toBe(frame(steps));
  });

  test('z folds all rows of the pane, and opens them', () => {
    const folded = pressed(fixed, ['5', 'z']);
    expect(linesOf(folded, fixed).filter(({ kind }) => kind === 'detail')).toEqual([]);
    expect(frame(pressed(fixed, ['z'], folded))).toBe(frame(pressed(fixed, ['5'])));
  });

  test('a point opens to its exact values', () => {
    const state = pressed(fixed, ['4', 'G', 'enter', 'j', 'j']);
    const exact = review.points.tables.at(-1)!.rows.at(-1)!;
    expect(frame(state)).toContain(`width [mm] = ${exact[0]}`);
    expect(frame(state)).toContain(`height [mm] = ${exact[1]}`);
  });
});

describe('searching', () => {
  test('in all panes, round the end; n and N', () => {
    const first = pressed(fixed, ['/', 'mesh.generate', 'enter']);
    expect(first.message).toBe('match 1 of 2');
    expect(PANES[first.pane]).toBe('steps');
    const second = pressed(fixed, ['n'], first);
    expect(PANES[second.pane]).toBe('tools');
    expect(pressed(fixed, ['n'], second).message).toBe('match 1 of 2');
    expect(pressed(fixed, ['N'], first).message).toBe('match 2 of 2');
  });

  test('opens a folded row in which it finds something', () => {
    const state = pressed(fixed, ['5', 'z', '/', 'e_mpa', 'enter']);
    expect(frame(state)).toContain('with   E_MPa: {"unit":"MPa","value":"=E"}');
  });

  test('a capital makes case matter; what is not found is said', () => {
    expect(pressed(fixed, ['/', 'E_mpa', 'enter']).message).toBe('Not found: E_mpa');
  });

  test('escape ends the search, then leaves', () => {
    const state = pressed(fixed, ['/', 'mesh', 'enter', 'escape']);
    expect(state).toMatchObject({ query: '', outcome: null });
    expect(pressed(fixed, ['escape'], state).outcome).toEqual({ kind: 'quit' });
  });
});

describe('deciding', () => {
  const phrase = approvalPhrase(fixed.content);

  test('approval needs the phrase with the digest', () => {
    expect(phrase).toBe(`approve ${review.lock_sha256.slice(0, 8)}`);
    expect(pressed(fixed, ['a', phrase, 'enter']).outcome).toEqual({ kind: 'approve' });
    for (const wrong of ['', 'approve', 'y', phrase.slice(0, -1), `${phrase}0`, phrase.toUpperCase()]) {
      const state = pressed(fixed, ['a', wrong, 'enter']);
      expect(state.outcome).toBeNull();
      expect(frame(state)).toContain(`That is not \`${phrase}\`.`);
    }
  });

  test('the dialog shows who signs, in which role, with which key, and that it is one’s own request', () => {
    const shown = frame(pressed(fixed, ['a']));
    for (const text of ['! as alice, role lead (self-approved)', 'key SHA256:abc', 'at most 40 points', phrase]) {
      expect(shown).toContain(text);
    }
    expect(frame(pressed(fixed, ['r']))).not.toContain('self-approved');
  });

  test('a rejection needs a reason', () => {
    expect(pressed(fixed, ['r', '  ', 'enter'])).toMatchObject({ outcome: null });
    expect(frame(pressed(fixed, ['r', 'enter']))).toContain('A rejection needs a reason.');
    expect(pressed(fixed, ['r', 'enter', 'enter']).outcome).toBeNull();
    const typed = ['r', 'too coarsx', 'backspace', 'e', 'enter'];
    const asked = pressed(fixed, typed);
    expect(asked.outcome).toBeNull();
    expect(frame(asked)).toContain('Press enter again to sign this rejection.');
    expect(pressed(fixed, ['enter'], asked).outcome).toEqual({ kind: 'reject', reason: 'too coarse' });
    expect(pressed(fixed, ['!', 'enter'], asked).outcome).toBeNull();
    expect(pressed(fixed, ['r', 'x'.repeat(2049), 'enter', 'enter']).outcome).toBeNull();
  });

  test('without a key the review goes on, and a says which flag is missing', () => {
    const none = { ok: false, message: 'Nobody said with which key to sign.', hint: 'Give --key FILE.' } as const;
    const keyless = fixedOf({ signing: { approve: none, reject: ALICE } });
    const state = pressed(keyless, ['a']);
    expect(frameLines(state, keyless, PLAIN).join('\n')).toContain('Give --key FILE.');
    expect(pressed(keyless, [phrase, 'enter'], state).outcome).toBeNull();
  });

  test('escape goes back from a prompt; q and ctrl-c leave; nothing follows an outcome', () => {
    expect(pressed(fixed, ['a', phrase, 'escape']).mode).toEqual({ kind: 'list' });
    expect(pressed(fixed, ['q']).outcome).toEqual({ kind: 'quit' });
    expect(pressed(fixed, ['a', 'ctrl-c']).outcome).toEqual({ kind: 'SIGINT' });
    const quit = pressed(fixed, ['q']);
    expect(press(quit, { text: 'a' }, fixed)).toBe(quit);
  });
});

test('property: whatever is pressed at whatever size, a frame has its height and fits its width', () => {
  const keys: Key[] = ['up', 'down', 'left', 'right', 'pageup', 'pagedown', 'home', 'end', 'tab', 'enter', 'escape'];
  const more: Key[] = ['ctrl-d', 'ctrl-u', 'backspace', ...[...'zxygGnN?/ar1458 '].map((text) => ({ text }))];
  const size = fc.record({ columns: fc.integer({ min: 20, max: 120 }), rows: fc.integer({ min: 8, max: 50 }) });
  const step = fc.oneof({ arbitrary: fc.constantFrom(...keys, ...more), weight: 9 }, size);
  fc.assert(
    fc.property(size, fc.array(step, { maxLength: 40 }), (start, steps) => {
      let state = initialState(start);
      for (const each of steps) {
        const resized = typeof each === 'object' && 'columns' in each;
        state = resized ? resize(state, fixed, each) : press(state, each, fixed);
        const lines = frameLines(state, fixed, PLAIN);
        expect(lines).toHaveLength(frameHeight(state));
        for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(state.columns);
        expect(lines.at(-2)).toContain(`lock ${review.lock_sha256.slice(0, 8)}`);
        if (state.mode.kind === 'list') expect(lines.filter((line) => line.startsWith('>'))).toHaveLength(1);
        if (state.outcome !== null) state = { ...state, outcome: null };
      }
    }),
    { numRuns: 200 },
  );
});
