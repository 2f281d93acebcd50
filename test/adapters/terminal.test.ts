import { expect, test } from 'vitest';
import { wantsColour } from '../../src/adapters/terminal.ts';

test.each([
  [{ choice: 'auto', env: {}, is_terminal: true }, true],
  [{ choice: 'auto', env: {}, is_terminal: false }, false],
  [{ choice: 'auto', env: { TERM: 'dumb' }, is_terminal: true }, false],
  [{ choice: 'auto', env: { NO_COLOR: '1' }, is_terminal: true }, false],
  [{ choice: 'auto', env: { NO_COLOR: '' }, is_terminal: true }, true],
  [{ choice: 'auto', env: { FORCE_COLOR: '1' }, is_terminal: false }, true],
  [{ choice: 'auto', env: { FORCE_COLOR: '' }, is_terminal: false }, false],
  [{ choice: 'auto', env: { FORCE_COLOR: '0' }, is_terminal: true }, false],
  [{ choice: 'auto', env: { CLICOLOR_FORCE: '1' }, is_terminal: false }, true],
  [{ choice: 'auto', env: { NO_COLOR: '1', FORCE_COLOR: '1' }, is_terminal: true }, false],
  [{ choice: 'always', env: { NO_COLOR: '1' }, is_terminal: false }, true],
  [{ choice: 'never', env: { FORCE_COLOR: '1' }, is_terminal: true }, false],
] as const)('%j gives colours: %s', (facts, wanted) => expect(wantsColour(facts)).toBe(wanted));
