import { createTwoFilesPatch } from 'diff';
import type { Lock } from '../../ir/lock.ts';
import { safeText } from '../safe-text.ts';
import type { Style } from '../style.ts';
import type { DiffNames } from './summary.ts';

/**
 * The closest look at two locks: every line that differs of their contents, written out as indented JSON, as a unified diff. It is
 * made from the same locks as the comparison by meaning, and leaves nothing out.
 */
export function unifiedDiff(before: Lock, after: Lock, names: DiffNames, style: Style): string[] {
  const [old, now] = [before, after].map((lock) => `${JSON.stringify(lock, null, 2)}\n`);
  const title = ({ name, sha256 }: DiffNames['before']) => `${name} ${sha256.slice(0, 12)}`;
  const patch = createTwoFilesPatch(title(names.before), title(names.after), old!, now!, undefined, undefined, {
    context: 3,
  });
  const lines = patch.trimEnd().split('\n').slice(1); // the first line is a rule of `=`
  return lines.map((line) => {
    const text = safeText(line);
    if (line.startsWith('+')) return style.good(text);
    return line.startsWith('-') ? style.bad(text) : text;
  });
}
