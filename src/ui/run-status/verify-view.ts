import type { Comparison } from '../../provenance/compare-runs.ts';
import { placed, type Problem } from '../../provenance/verdicts.ts';
import type { CheckedCheckpoint } from '../../provenance/verify-checkpoints.ts';
import type { VerifyReport } from '../../provenance/verify-run.ts';
import { plural, shownBytes, shownTime } from '../format.ts';
import { safeText } from '../safe-text.ts';
import { MARKS, type Style } from '../style.ts';

/** More are told by --json. */
const MOST_PROBLEMS = 12;

/** A copy that was compared, and how it stands to the run. */
export interface Compared {
  readonly store: string;
  readonly comparison: Comparison;
}

/** What holds, and what was not looked at: the lines of `verify` for a run that holds. */
export function verifyLines(report: VerifyReport, compared: Compared | null, style: Style): string[] {
  const { ended, semantics } = report;
  const rows: [string, string][] = [
    ['plan', report.plan],
    [
      'end',
      ended === null
        ? 'not ended yet: this is what there is so far'
        : `${ended.status}${ended.reason === '' ? '' : `: ${ended.reason}`}`,
    ],
    [
      'rows',
      `${report.rows} in ${plural(report.streams, 'stream')}: hashes, chains, fences (semantics ${semantics ?? '?'})`,
    ],
    ['points', `${plural(report.points, 'stream')} that ended where the study says`],
    ['root', `${report.root} of the tree over all rows`],
    ...checkpointRows(report.checkpoints),
    ...report.signed.map(({ gate, seq }): [string, string] => [
      'gate',
      `${gate}: a decision was signed on study/${seq}, which is there`,
    ]),
    ['files', `${report.objects} (${shownBytes(report.object_bytes)}) read and hashed`],
    ['database', 'SQLite finds it sound, and it is append-only'],
    ...(compared === null ? [] : [['copy', copyText(compared)] as [string, string]]),
  ];
  const lines = [
    `${style.good(MARKS.done)} ${style.strong(safeText(report.run))} holds: nothing in its journal was changed, as far as that can be told.`,
    '',
    ...rows.map(([name, text]) => `  ${style.dim(name.padEnd(11))} ${safeText(text)}`),
  ];
  if (report.not_checked.length === 0) return lines;
  return [...lines, '', '  Not checked', ...report.not_checked.map((text) => `  ${MARKS.note} ${safeText(text)}`)];
}

/** The message of a failure: where it begins, and what was found. */
export function problemsMessage(run: string, problems: readonly Problem[], more: number): string {
  const [first] = problems;
  const told = problems.slice(0, MOST_PROBLEMS).map((one) => `${placed(one)}: ${one.message}.`);
  const left = problems.length - told.length + more;
  return [
    `The journal of run ${run} does not hold: ${placed(first!)}.`,
    ...told,
    ...(left > 0 ? [`… and ${left} more.`] : []),
  ].join('\n');
}

/** The latest of each file and signer; of the others, how many. */
function checkpointRows(checkpoints: readonly CheckedCheckpoint[]): [string, string][] {
  const groups = new Map<string, CheckedCheckpoint[]>();
  for (const checkpoint of checkpoints) {
    const group = `${checkpoint.key?.fingerprint ?? ''} ${checkpoint.file}`;
    groups.set(group, [...(groups.get(group) ?? []), checkpoint]);
  }
  return [...groups.values()].flatMap((group): [string, string][] => {
    const { file, size, time_ms, at, key } = group.at(-1)!;
    const when = time_ms === null ? '' : ` of ${shownTime(time_ms)}`;
    const why = at === null ? '' : ` (${at})`;
    const count = group.length === 1 ? '1' : `${group.length}, the last`;
    return [
      ['checkpoints', `${count}${when}${why} over ${plural(size, 'row')}: ${file}`],
      ['', signerText(key)],
    ];
  });
}

function signerText(key: CheckedCheckpoint['key']): string {
  if (key === null) return 'by a key that is not known here: the signature was not checked';
  const { fingerprint, service } = key;
  if (service !== null) return `signed by ${service}, ${fingerprint}, which the trust policy names`;
  return `signed by ${fingerprint}, the store's own key: not named by the trust policy`;
}

function copyText({ store, comparison }: Compared): string {
  const { kind, rows } = comparison;
  if (kind === 'longer')
    return `the ${plural(comparison.other_rows, 'row')} in ${store} are the first of these ${rows}`;
  return `the same ${plural(rows, 'row')} in ${store}`;
}
