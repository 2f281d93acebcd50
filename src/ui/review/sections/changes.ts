import { diffLocks, type LockChange } from '../../../plan/diff.ts';
import { plural } from '../../format.ts';
import type { Mark, ReviewRow, ReviewSection } from '../model.ts';
import { row, told } from '../rows.ts';
import type { ReviewInput } from '../view.ts';

/** What differs from the plan of this name that was approved last. */
export function changeSections({ lock, last_approved }: ReviewInput): ReviewSection[] {
  const section = (title: string, rows: readonly ReviewRow[]): ReviewSection[] => {
    return [{ pane: 'changes', title, heading: null, rows }];
  };
  const title = 'Changes since the last approved plan of this name';
  if (last_approved === null) return section(title, [row('first plan of this name')]);
  const changes = diffLocks(last_approved, lock);
  if (changes.length === 0) return section(title, [row('none that means anything; only its bytes differ')]);
  return section(
    `${title}: ${plural(changes.length, 'change')}`,
    changes.map((change) => changeRow(change, lock.drafted !== null)),
  );
}

const MARKS: Readonly<Record<LockChange['kind'], Mark>> = { added: '+', removed: '-', changed: '~' };

/** Longer values, and prose, stand below the name instead of beside it. */
const LONGEST_BESIDE = 60;

function changeRow(change: LockChange, drafted: boolean): ReviewRow {
  const { kind, section, name, before, after, effect } = change;
  const mark = MARKS[kind];
  const title = `${section}: ${name}${effect === null ? '' : ` (${effect})`}`;
  const beside = [before, after].filter((value) => value !== null).join(' → ');
  const prose = section === 'plan' || section === 'tools' || beside.includes('\n');
  if (!prose && beside.length <= LONGEST_BESIDE) return row(`${title}: ${beside}`, [], { mark });
  const untrusted = drafted || section === 'tools';
  const details = [
    ...(before === null ? [] : told(`was ${before}`, untrusted)),
    ...(after === null ? [] : told(`${before === null ? 'is' : 'now'} ${after}`, untrusted)),
  ];
  return row(title, details, { mark, open: true });
}
