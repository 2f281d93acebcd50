import type { Json, JsonObject } from '../../base/json.ts';
import type { ApprovalView } from '../../provenance/approvals.ts';
import type { EffectView } from '../../provenance/effects.ts';
import type { RunOrigin } from '../../provenance/trace.ts';
import { cut } from '../columns.ts';
import { shownBytes, shownDuration, shownTime } from '../format.ts';
import { safeText } from '../safe-text.ts';
import { MARKS, type Style } from '../style.ts';

/** Cells of a JSON text before it is cut; `--json` has all of it. */
const LONGEST_JSON = 160;
/** Digits of a digest that people compare. */
const SHORT = 12;

export function short(sha256: string | null): string {
  return sha256 === null ? 'unknown' : sha256.slice(0, SHORT);
}

/** A name and what it is, in two columns. */
export function fact(name: string, text: string, style: Style, indent = '  '): string {
  return `${indent}${style.dim(name.padEnd(10))} ${text}`;
}

export function shownJson(value: Json, longest = LONGEST_JSON): string {
  return cut(safeText(JSON.stringify(value)), longest);
}

/** Who allowed it. */
export function originLines(origin: RunOrigin, style: Style): string[] {
  const { plan, lock_sha256, approvals, run } = origin;
  return [
    style.dim('  approved by'),
    fact('plan', `${safeText(plan)}, lock ${short(lock_sha256)}`, style, '    '),
    ...approvals.map((approval) => fact('approval', approvalText(approval), style, '    ')),
    ...(approvals.length === 0 ? [fact('approval', 'none is known', style, '    ')] : []),
    fact('run', `${safeText(run)}, ${hostText(origin.host)}`, style, '    '),
  ];
}

export function approvalText(approval: ApprovalView): string {
  const { principal, role, signed_ms, statement_id, self_approved, comment } = approval;
  const parts = [
    `${principal}${role === null || role === '*' ? '' : ` as ${role}`}`,
    ...(signed_ms === null ? [] : [`signed ${shownTime(signed_ms)}`]),
    ...(self_approved === true ? ['self-approved'] : []),
    ...(statement_id === null ? [] : [`statement ${statement_id}`]),
    ...(comment === null || comment === '' ? [] : [`“${comment}”`]),
  ];
  return safeText(parts.join(', '));
}

export function hostText(host: JsonObject): string {
  const text = (name: string) => (typeof host[name] === 'string' ? host[name] : null);
  const commit = text('git_commit');
  const parts = [
    ...(text('by') === null ? [] : [`begun by ${text('by')}`]),
    ...(text('host') === null ? [] : [`on ${text('host')}`]),
    ...(text('expctl') === null ? [] : [`expctl ${text('expctl')}`]),
    ...(text('node') === null ? [] : [`Node ${text('node')}`]),
    ...(commit === null
      ? []
      : [`commit ${commit.slice(0, SHORT)}${host['git_changed'] === true ? ' with changes' : ''}`]),
  ];
  return safeText(parts.join(', '));
}

/** A call of a tool with everything that is known of it. */
export function effectLines(effect: EffectView, style: Style): string[] {
  const { step, part, attempt, call, outcome, key, tool, resent } = effect;
  const name = part === 'call' ? step : `${step}.${part}`;
  const indent = '    ';
  const lines = [
    `  ${effectMark(effect, style)} ${style.strong(safeText(name))}  ${safeText(call)}${attempt > 1 ? `, attempt ${attempt}` : ''}  ${timeText(effect)}`,
    fact('arguments', shownJson(effect.arguments), style, indent),
  ];
  if (outcome === null) lines.push(fact('answer', style.warn('not known yet'), style, indent));
  else if (outcome.ok) lines.push(fact('answer', shownJson(outcome.answer), style, indent));
  else lines.push(fact('failure', style.bad(safeText(`${outcome.class}: ${outcome.message}`)), style, indent));
  if (effect.resolved !== null) {
    const { as, by, statement_sha256, at_ms } = effect.resolved;
    const what = `${as.replace('_', ' ')}, said by ${by} ${shownTime(at_ms)}, statement ${short(statement_sha256)}`;
    lines.push(fact('resolved', style.warn(safeText(what)), style, indent));
  }
  lines.push(fact('tool', safeText(`${toolText(effect)}; pin ${short(tool.pin)}`), style, indent));
  for (const { name: file, sha256, bytes } of effect.artifacts) {
    const size = bytes === null ? '' : `, ${shownBytes(bytes)}`;
    lines.push(fact('artifact', `${safeText(file)}, sha256 ${short(sha256)}${size}`, style, indent));
  }
  const again = resent === 0 ? '' : `, sent again ${resent} times under it`;
  lines.push(fact('key', `${short(key)}${again}`, style, indent));
  return lines;
}

function effectMark({ outcome }: EffectView, style: Style): string {
  if (outcome === null) return style.warn(MARKS.waits);
  return outcome.ok ? style.good(MARKS.done) : style.bad(MARKS.failed);
}

function timeText({ started_ms, intended_ms, ended_ms }: EffectView): string {
  const from = started_ms ?? intended_ms;
  const took = ended_ms === null ? '' : `, took ${shownDuration(Math.max(0, ended_ms - from) / 1000)}`;
  return `${shownTime(from)}${took}`;
}

/** `beam 1.0.0, solver builtin 1.0.0, on lab, exit 0` */
function toolText({ tool, observed }: EffectView): string {
  const text = (name: string) => (observed[name] === undefined ? null : String(observed[name]));
  const solver = [text('solver'), text('solver_version')].filter((part) => part !== null).join(' ');
  const parts = [
    versionText(tool.name, text('tool_version') ?? tool.version),
    ...(solver === '' ? [] : [`solver ${solver}`]),
    ...(text('licence_profile') === null ? [] : [`licence ${text('licence_profile')}`]),
    ...(text('git_commit') === null ? [] : [`commit ${text('git_commit')!.slice(0, SHORT)}`]),
    ...(text('host') === null ? [] : [`on ${text('host')}`]),
    ...(text('exit_status') === null ? [] : [`exit ${text('exit_status')}`]),
    ...(text('exit_signal') === null ? [] : [`ended by ${text('exit_signal')}`]),
  ];
  return parts.join(', ');
}

/** Servers say their name with their version, or the version alone. */
function versionText(name: string, version: string | null): string {
  if (version === null) return name;
  return version.startsWith(name) ? version : `${name} ${version}`;
}
