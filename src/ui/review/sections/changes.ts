import { row } from '../rows.ts';
import type { ReviewSection } from '../model.ts';
import type { ReviewInput } from '../view.ts';

export function changeSections({ last_approved }: ReviewInput): ReviewSection[] {
  const title = 'Changes since the last approved plan of this name';
  const text = last_approved === null ? 'first plan of this name' : 'there is an approved plan of this name';
  return [{ pane: 'changes', title, heading: null, rows: [row(text)] }];
}
