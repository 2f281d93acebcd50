import type { ReplayDivergence } from '../../provenance/mismatch.ts';
import type { ReplayReport } from '../../provenance/replay.ts';
import { plural, shownBytes } from '../format.ts';
import { safeText } from '../safe-text.ts';
import { MARKS, type Style } from '../style.ts';

const FINDERS: Readonly<Record<ReplayDivergence['found_by'], string>> = {
  chain: 'the hash chain',
  digest: 'a digest',
  kernel: 'the kernel',
  signature: 'a signature',
  artifact: 'an artifact',
};

/** What was proved, and what was not: the lines of `replay` for a run that holds. */
export function replayLines(report: ReplayReport, trust_path: string | null, style: Style): string[] {
  const { proved, ended, not_checked } = report;
  const end =
    ended === null
      ? 'not ended yet: this is what there is so far'
      : `${ended.status}${ended.reason === '' ? '' : `: ${ended.reason}`}`;
  const signed =
    trust_path === null
      ? 'signatures not checked'
      : `${plural(proved.signatures, 'signature holds', 'signatures hold')}`;
  const rows: [string, string][] = [
    ['plan', `${report.plan}, lock ${report.lock_sha256.slice(0, 12)}`],
    ['end', end],
    ['events', `${proved.events} in ${plural(proved.streams, 'stream')}: chains, heads, and the kernel's own account`],
    ['points', `${proved.points} results recomputed from the answers`],
    ['effects', `${proved.effects} arguments and keys recomputed`],
    ['decisions', `${proved.decisions} recomputed or signed`],
    ['approvals', `${proved.approvals}; ${signed}`],
    ['artifacts', `${proved.artifacts} (${shownBytes(proved.artifact_bytes)}) read and hashed`],
  ];
  const lines = [
    `${style.good(MARKS.done)} ${style.strong(safeText(report.run))} holds: recomputed from its lock, without any tool.`,
    '',
    ...rows.map(([name, text]) => `  ${style.dim(name.padEnd(10))} ${safeText(text)}`),
  ];
  if (not_checked.length === 0) return lines;
  return [...lines, '', '  Not checked', ...not_checked.map((text) => `  ${MARKS.note} ${safeText(text)}`)];
}

/** One sentence on the first place that does not hold; it says what found it. */
export function divergenceMessage(run: string, divergence: ReplayDivergence): string {
  const { stream, seq, expected, found, found_by } = divergence;
  return `The evidence of run ${run} breaks at ${stream}/${seq}, found by ${FINDERS[found_by]}.\nexpected: ${expected}\nfound:    ${found}`;
}
