import { closest } from '../../ir/expression/suggest.ts';
import type { EffectPart } from '../../ir/events.ts';
import type { Plan, PlanStep } from '../../ir/plan.ts';
import type { PinnedCall } from '../../ir/tools.ts';
import { type CheckContext, suggestion } from './context.ts';
import type { Path } from './reporter.ts';

type Job = NonNullable<PlanStep['job']>;
type PartWords = Job['submit'] & Partial<Pick<Job['poll'], 'every' | 'until'>>;

/** One call of the plan: the only one of a step, or a part of a job. */
export interface CallSite {
  readonly step: string;
  readonly part: EffectPart;
  readonly path: Path;
  /** `tool/call` */
  readonly call: string;
  readonly words: Omit<PartWords, 'call'>;
  /** null where the tool is not pinned or not known; a problem says so. */
  readonly pinned: PinnedCall | null;
}

const JOB_PARTS = ['submit', 'poll', 'fetch'] as const;

/** All calls of the plan in its order, each looked up among the pinned tools. */
export function resolveCalls(context: CheckContext): CallSite[] {
  const sites = callsOf(context.plan).map((site) => ({ ...site, pinned: lookUp(site, context) }));
  if (context.tools === null && sites.length > 0) {
    const fix = 'Run `expctl tools pin`.';
    context.report.warning(
      'TOOLS_NOT_PINNED',
      ['pipeline'],
      'No tool is pinned: calls and arguments are not checked.',
      fix,
    );
  }
  return sites;
}

function callsOf(plan: Plan): Omit<CallSite, 'pinned'>[] {
  return Object.entries(plan.pipeline).flatMap(([step, words]): Omit<CallSite, 'pinned'>[] => {
    const path = ['pipeline', step];
    if (words.call !== undefined && words.job === undefined)
      return [{ step, part: 'call', path, call: words.call, words }];
    return JOB_PARTS.flatMap((part) => {
      const partWords = words.job?.[part];
      return partWords === undefined
        ? []
        : [{ step, part, path: [...path, 'job', part], call: partWords.call, words: partWords }];
    });
  });
}

function lookUp({ call, path }: Omit<CallSite, 'pinned'>, { tools, report }: CheckContext): PinnedCall | null {
  if (tools === null) return null;
  const slash = call.indexOf('/');
  const [toolName, callName] = [call.slice(0, slash), call.slice(slash + 1)];
  const tool = Object.hasOwn(tools.tools, toolName) ? tools.tools[toolName] : undefined;
  const here = [...path, 'call'];
  if (tool === undefined) {
    const known = Object.keys(tools.tools);
    report.error(
      'UNKNOWN_TOOL',
      here,
      `There is no tool \`${toolName}\`.`,
      unknownTool(closest(toolName, known), known),
    );
    return null;
  }
  const pinned = Object.hasOwn(tool.calls, callName) ? tool.calls[callName] : undefined;
  if (pinned === undefined) {
    const known = Object.keys(tool.calls);
    const fix = suggestion(closest(callName, known), 'call', known);
    report.error('UNKNOWN_CALL', here, `The tool \`${toolName}\` has no call \`${callName}\`.`, fix);
    return null;
  }
  return pinned;
}

/** Only pinned tools are known here: one that was just declared is pinned first. */
function unknownTool(near: string | undefined, known: readonly string[]): string {
  const fix = suggestion(near, 'tool', known);
  return near === undefined
    ? `${fix} One that stands in tools.yaml is known once \`expctl tools pin\` has pinned it.`
    : fix;
}

/** What the calls do outside: what cannot be recovered is said, what cannot be performed is refused. */
export function checkEffects(sites: readonly CallSite[], { report, notes }: CheckContext): void {
  for (const { call, path, part, pinned } of sites) {
    if (pinned === null) continue;
    const here = [...path, 'call'];
    if (pinned.effect === 'findable') {
      const fix = 'Declare it `by_key` or `once` in the tools file.';
      report.error('NOT_YET', here, `\`${call}\` is declared findable, which this version cannot look up yet.`, fix);
    } else if (part === 'poll' && pinned.effect !== 'pure') {
      const fix = 'Poll with a call that only looks, and is declared `pure` in the tools file.';
      report.error(
        'POLL_NOT_PURE',
        here,
        `\`${call}\` is asked again and again, but it is declared \`${pinned.effect}\`.`,
        fix,
      );
    } else if (pinned.effect === 'once') {
      const message = `\`${call}\` is declared \`once\`: after a crash a person must say whether it happened.`;
      report.warning('CALL_ONCE', here, message, 'If the tool takes a key, declare it `by_key` in the tools file.');
      const note = `${call} is declared once: after a crash in the middle of it, a person must decide what happened.`;
      if (!notes.includes(note)) notes.push(note);
    }
  }
}
