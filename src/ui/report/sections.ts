import type { PointRow } from '../../provenance/points.ts';
import { bestPoints } from '../../provenance/pareto.ts';
import type { ReportData } from '../../provenance/report.ts';
import type { Lock } from '../../ir/lock.ts';
import { plural, shownBytes, shownDuration, shownNumber, shownTime, shownValue } from '../format.ts';
import { nameWithUnit, shownQuantity } from '../quantities.ts';
import { approvalText, hostText } from '../run-status/trace-parts.ts';
import { type Html, html } from './html.ts';

const BEST_SHOWN = 5;

/** Whether the evidence holds, first of all. */
export function verdictSection({ verdict, trusted }: ReportData): Html {
  const { divergence, proved, not_checked } = verdict;
  if (divergence !== null) {
    const { stream, seq, found_by, expected, found } = divergence;
    return html`<section class="verdict broken"><strong class="bad">✘ The evidence does not hold</strong>
<p>At ${stream}/${seq}, found by ${found_by}: expected ${expected}; found ${found}. Nothing behind this place can be believed.</p></section>`;
  }
  const signed = trusted ? `, and ${plural(proved.signatures, 'signature holds', 'signatures hold')}` : '';
  const text = `${proved.events} events in ${proved.streams} chains, ${proved.effects} calls with their arguments, ${proved.points} results, ${plural(proved.decisions, 'decision')} and ${proved.artifacts} files (${shownBytes(proved.artifact_bytes)}) were recomputed from the lock and are as recorded${signed}.`;
  return html`<section class="verdict${trusted ? '' : ' unsure'}"><strong class="good">✔ The evidence holds</strong>
<p>${text}</p>${not_checked.length === 0 ? null : html`<ul>${not_checked.map((line) => html`<li>Not checked: ${line}</li>`)}</ul>`}</section>`;
}

export function summarySection({ status, lock, points }: ReportData): Html {
  const { state, reason, points: counts, started_ms, ended_ms, active_s } = status;
  const [best] = bestPoints(points, lock, 1);
  const objective = lock.objectives[0];
  const failed = counts.failed === 0 ? 'none failed' : `${counts.failed} failed`;
  const took = ended_ms === null ? 'not ended' : shownDuration((ended_ms - started_ms) / 1000);
  return html`<dl class="tiles">
${tile('State', state, reason ?? (status.waits_for === null ? '' : `gate ${status.waits_for.gate}, for ${status.waits_for.role}`))}
${tile('Points', `${counts.done} of ${counts.planned}`, `${counts.feasible} feasible, ${failed}`)}
${best === undefined || objective === undefined ? tile('Best', 'none', 'no feasible point') : bestTile(best, lock, objective)}
${tile('Time', took, `${shownDuration(active_s)} of work, from ${shownTime(started_ms)}`)}
</dl>`;
}

function bestTile(best: PointRow, lock: Lock, objective: Lock['objectives'][number]): Html {
  const unit = lock.metrics.find(({ name }) => name === objective.metric)?.unit ?? '';
  const sense = objective.sense === 'minimize' ? 'Least' : 'Greatest';
  const value = shownQuantity(best.metrics[objective.metric] ?? Number.NaN, unit);
  return tile(`${sense} ${objective.metric}`, value, `point ${best.point}`);
}

function tile(name: string, value: string, remark: string): Html {
  return html`<div class="tile"><dt>${name}</dt><dd>${value}<small>${remark}</small></dd></div>`;
}

export function originSection({ trace }: ReportData): Html {
  const { approvals, lock_sha256, request_sha256, study_head, run, host } = trace;
  return html`<h2>What was approved, by whom</h2><dl class="facts">
${fact('Run', html`<code>${run}</code>, ${hostText(host)}`)}
${fact('Lock', html`<code>${lock_sha256}</code>`)}
${fact('Request', html`<code>${request_sha256}</code>`)}
${approvals.map((approval) => fact('Approved', html`${approvalText(approval)}${approval.keyid === null ? null : html`, key <code>${approval.keyid}</code>`}`))}
${study_head === null ? null : fact('Journal', html`study/${study_head.seq}, head <code>${study_head.hash}</code>`)}
</dl>`;
}

function fact(name: string, value: Html): Html {
  return html`<dt>${name}</dt><dd>${value}</dd>`;
}

export function bestSection({ points, lock }: ReportData): Html | null {
  const best = bestPoints(points, lock, BEST_SHOWN);
  if (best.length === 0) return null;
  const limits = lock.outcome_constraints.join(', ');
  const objectives = lock.objectives.map(({ metric, sense }) => `${sense} ${metric}`).join(', ');
  return html`<h2>Best points</h2><p class="soft">${objectives}${limits === '' ? '' : `, subject to ${limits}`}</p>${pointsTable(best, lock, best[0]!.point)}`;
}

export function allPointsSection({ points, lock }: ReportData): Html {
  const [best] = bestPoints(points, lock, 1);
  return html`<h2>All points</h2>${pointsTable(points, lock, best?.point ?? null)}`;
}

function pointsTable(points: readonly PointRow[], lock: Lock, best: number | null): Html {
  const numeric = [...lock.variables, ...lock.metrics];
  return html`<div class="scroll"><table><thead><tr><th class="number">Point</th><th>Phase</th>
${numeric.map(({ name, unit }) => html`<th class="number">${nameWithUnit(name, unit)}</th>`)}<th>Outcome</th></tr></thead><tbody>
${points.map((point) => pointRow(point, lock, point.point === best))}
</tbody></table></div>`;
}

function pointRow(point: PointRow, lock: Lock, isBest: boolean): Html {
  const value = (given: number | string | undefined) =>
    html`<td class="number">${given === undefined ? '–' : shownValue(given)}</td>`;
  return html`<tr class="${isBest ? 'top' : ''}"><td class="number">${point.point}</td><td>${point.phase}</td>
${lock.variables.map(({ name }) => value(point.values[name]))}${lock.metrics.map(({ name }) => value(point.metrics[name]))}<td>${outcome(point)}</td></tr>`;
}

function outcome({ status, feasible, failure }: PointRow): Html {
  if (failure !== null) return html`<span class="bad">✘ ${failure.step}: ${failure.class}</span>`;
  if (feasible === true) return html`<span class="good">✔ feasible</span>`;
  return feasible === false
    ? html`<span class="soft">○ breaks a constraint</span>`
    : html`<span class="warn">${status}</span>`;
}

export function decisionsSection({ trace, status }: ReportData): Html | null {
  const gates = trace.gates.map(({ gate, role, ask, decided, closed, opened, comment }) => ({
    wall_ms: decided?.at.wall_ms ?? opened.wall_ms,
    what: `gate ${gate}`,
    outcome: decided?.outcome ?? (closed === null ? 'open' : `closed by ${closed}`),
    who: decided === null ? `waits for ${role}` : `${decided.by}, as ${role}`,
    why: `${ask}${comment === null || comment === '' ? '' : ` — “${comment}”`}`,
  }));
  const rules = trace.decisions.map(({ phase, rule, action, because, at }) => ({
    wall_ms: at.wall_ms,
    what: phase,
    outcome: action,
    who: rule === 0 ? 'no rule applied' : `rule ${rule} of the plan`,
    why: because,
  }));
  const all = [...gates, ...rules].sort((a, b) => a.wall_ms - b.wall_ms);
  if (all.length === 0 && status.reason === null) return null;
  return html`<h2>Decisions</h2><div class="scroll"><table><thead><tr><th>When</th><th>What</th><th>Outcome</th><th>Who</th><th>Why</th></tr></thead><tbody>
${all.map(({ wall_ms, what, outcome: decided, who, why }) => html`<tr><td class="when">${shownTime(wall_ms)}</td><td>${what}</td><td>${decided}</td><td>${who}</td><td>${why}</td></tr>`)}
${status.ended_ms === null ? null : html`<tr><td class="when">${shownTime(status.ended_ms)}</td><td>end</td><td>${status.state}</td><td></td><td>${status.reason ?? ''}</td></tr>`}
</tbody></table></div>`;
}

export function failuresSection({ points }: ReportData): Html | null {
  const failed = points.flatMap(({ point, failure }) => (failure === null ? [] : [{ point, ...failure }]));
  if (failed.length === 0) return null;
  return html`<h2>Failures</h2><div class="scroll"><table><thead><tr><th class="number">Point</th><th>Step</th><th>Class</th><th>Message</th></tr></thead><tbody>
${failed.map(({ point, step, class: kind, message }) => html`<tr><td class="number">${point}</td><td>${step}</td><td class="bad">${kind}</td><td>${message}</td></tr>`)}
</tbody></table></div>`;
}

export function toolsSection({ trace, status }: ReportData): Html {
  return html`<h2>Tools and designs</h2><div class="scroll"><table><thead><tr><th>Tool</th><th>Version</th><th>Probe, when pinned</th><th>Pin</th></tr></thead><tbody>
${trace.tools.map(
  ({ name, version, probe, pin }) =>
    html`<tr><td>${name}</td><td>${version ?? 'program'}</td><td>${
      probe === null
        ? '–'
        : Object.entries(probe)
            .map(([key, value]) => `${key} ${String(value)}`)
            .join(', ')
    }</td><td><code>${pin}</code></td></tr>`,
)}
</tbody></table></div><p></p><div class="scroll"><table><thead><tr><th>Design</th><th class="number">Points</th><th>Generator</th><th>SHA-256</th></tr></thead><tbody>
${trace.tables.map(({ id, first_point, rows, generator, sha256 }) => html`<tr><td>${id}</td><td class="number">${first_point} – ${first_point + rows - 1}</td><td>${JSON.stringify(generator)}</td><td><code>${sha256}</code></td></tr>`)}
</tbody></table></div><p class="soft">Budget: ${budgetText(status)}</p>`;
}

function budgetText({ budget }: ReportData['status']): string {
  return Object.entries(budget)
    .filter(([, { limit }]) => limit !== null)
    .map(([name, { used, limit }]) => `${name.replaceAll('_', ' ')} ${shownNumber(used)} of ${limit}`)
    .join(', ');
}

export function verifySection({ trace }: ReportData): Html {
  return html`<h2>How to verify this</h2>
<p>This page is a view and proves nothing by itself. The journal, the lock and every file lie in the run's store; anybody with a copy of it recomputes everything, without any tool and offline:</p>
<pre><code>expctl replay ${trace.run} --trust TRUST.json
expctl trace ${trace.run} POINT</code></pre>
<p class="soft">It has to end with status 0, and name the lock and the journal's head that stand above.</p>`;
}
