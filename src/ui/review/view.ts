import type { ApprovalRequest } from '../../approval/request.ts';
import type { DesignTable, Lock } from '../../ir/lock.ts';
import { safeText } from '../safe-text.ts';
import type { Review, ReviewRow, ReviewSection } from './model.ts';
import { changeSections } from './sections/changes.ts';
import { pointSections, reviewPoints } from './sections/points.ts';
import { stepSections } from './sections/steps.ts';
import { studySections } from './sections/study.ts';
import { effort, summarySections } from './sections/summary.ts';
import { noteSections, toolSections } from './sections/tools.ts';
import { variableSections } from './sections/variables.ts';

export type { Review } from './model.ts';

/** What draws the text whose digest is signed as `displayed`. Any change of that text is a new number. */
export const RENDERER = 'expctl-review/1';

export interface ReviewInput {
  readonly lock: Lock;
  readonly lock_sha256: string;
  /** By their id in the lock. */
  readonly tables: ReadonlyMap<string, DesignTable>;
  readonly last_approved: Lock | null;
  readonly request: ApprovalRequest;
  readonly request_sha256: string;
  /** Not written yet: its times and its asker are those of the signature. */
  readonly request_is_new: boolean;
}

/** Everything that a reviewer must see, as data. Pure: the same input gives the same review. */
export function reviewOf(input: ReviewInput): Review {
  const { lock, lock_sha256 } = input;
  const points = reviewPoints(input);
  return {
    renderer: RENDERER,
    name: safeText(lock.name),
    lock_sha256: safeText(lock_sha256),
    effort: safeText(`at most ${effort(lock.forecast)}`),
    sections: [
      ...summarySections(input),
      ...changeSections(input),
      ...variableSections(lock),
      ...pointSections(input, points),
      ...stepSections(lock),
      ...studySections(lock),
      ...toolSections(lock),
      ...noteSections(lock),
    ],
    points,
  };
}

/**
 * The review as plain text: no colour, no width, nothing cut. Its SHA-256 is signed as what was displayed, so the same review must
 * give the same text everywhere and for ever.
 */
export function reviewText(review: Review): string {
  const head = [`Review of ${review.name}`, `${review.renderer}, lock SHA-256 ${review.lock_sha256}`, LEGEND];
  return `${[...head, ...review.sections.flatMap(sectionLines)].join('\n')}\n`;
}

const LEGEND = '! wants a look   + added   - removed   ~ changed   │ written by a model or told by a tool';

function sectionLines({ title, heading, rows }: ReviewSection): string[] {
  return ['', title.toUpperCase(), ...(heading === null ? [] : [`  ${heading}`]), ...rows.flatMap(rowLines)];
}

function rowLines({ mark, text, details }: ReviewRow): string[] {
  const lines = details.map((each) => `${each.untrusted ? '      │ ' : '      '}${each.text}`);
  return [`${mark.padEnd(2)}${text}`, ...lines].map((each) => each.trimEnd());
}
