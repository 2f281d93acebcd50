import { type Command, Option } from 'commander';
import type { EngineName, RequestDocument } from '../approval/request.ts';
import { unwrap } from '../base/result.ts';
import { plural, shownTime } from '../ui/format.ts';
import { safeText } from '../ui/safe-text.ts';
import type { App } from './app.ts';
import { checkQuestions, newestRequest, newRequest, writeRequest } from './approval-flow.ts';
import { readLock } from './locks.ts';
import {
  command,
  duration,
  integerAtLeast,
  type JsonOption,
  type TrustOption,
  withExamples,
  withJson,
  withTrust,
} from './options.ts';
import { shownPath } from './project.ts';

interface RequestOptions extends JsonOption, TrustOption {
  readonly runs?: number;
  /** Seconds. */
  readonly valid?: number;
  readonly by?: string;
  readonly engine?: readonly EngineName[];
}

export function requestCommand(app: App): Command {
  const request = withJson(withTrust(command('request', 'write what is asked of the approvers of a lock')))
    .argument('<lock>', 'lock file, NAME.lock.json, or the plan beside it')
    .option('--runs <n>', 'how many runs may be started (default: 1)', integerAtLeast(1))
    .option('--valid <duration>', 'how long from now, such as 12h (default: 14d)', duration)
    .addOption(
      new Option('--engine <name...>', 'who may perform them (default: embedded)').choices(['embedded', 'temporal']),
    )
    .option('--by <person>', 'who asks, as the trust policy calls them (default: whose key EXPCTL_KEY is)')
    .action((lock: string, options: RequestOptions) => request_(app, lock, options));
  return withExamples(
    request,
    'expctl request plans/beam.lock.json --by alice',
    'expctl request plans/beam.lock.json --engine temporal --by alice',
    'expctl request plans/beam.lock.json --runs 3 --valid 30d --by alice',
  );
}

async function request_(app: App, lock_path: string, options: RequestOptions): Promise<void> {
  const found = await readLock(app, lock_path);
  unwrap(checkQuestions(found.lock));
  const earlier = await newestRequest(app, found, undefined);
  const key = app.env['EXPCTL_KEY'] || undefined;
  const made = await newRequest(app, found, {
    ...(options.by === undefined ? {} : { requested_by: options.by }),
    ...(key === undefined ? {} : { key }),
    ...(options.trust === undefined ? {} : { trust: options.trust }),
    ...(options.runs === undefined ? {} : { max_runs: options.runs }),
    ...(options.engine === undefined ? {} : { engines: options.engine }),
    ...(options.valid === undefined ? {} : { validity_s: options.valid }),
  });
  const path = await writeRequest(app, found, made);
  if (options.json === true) {
    app.terminal.out(JSON.stringify({ file: path, sha256: made.sha256, request: made.request }, null, 2));
  } else {
    app.terminal.out([shownPath(app, path), ...askedLines(made)].join('\n'));
  }
  if (earlier !== null && earlier.request.sha256 !== made.sha256) {
    app.terminal.note(
      '  It takes the place of an earlier request for this lock: approvals of that one do not count for it.',
    );
  }
  if (made.request.requested_by === null) {
    app.terminal.note('  It does not say who asks, so only a team of one could approve it: --by PERSON says it.');
  }
  app.terminal.note(`  Next: expctl review ${lock_path}, or expctl approve ${lock_path} --key FILE`);
}

function askedLines({ request, sha256 }: RequestDocument): string[] {
  const { limits, validity, environment } = request;
  const most = [plural(limits.points, 'point'), plural(limits.calls, 'call')];
  if (limits.jobs !== undefined) most.push(plural(limits.jobs, 'job'));
  const engines = request.engines.join(', ');
  return [
    `  asks for     ${plural(request.max_runs, 'run')} of ${safeText(request.plan_name)} on the engine ${engines}`,
    `  lock         ${request.lock.sha256}`,
    `  request      ${sha256}`,
    `  environment  ${safeText(environment.name)}`,
    `  at most      ${most.join(', ')} in each run`,
    `  valid        ${shownTime(Date.parse(validity.not_before))} to ${shownTime(Date.parse(validity.not_after))}`,
    `  asked by     ${request.requested_by ?? 'nobody named'}`,
  ];
}
