import { ExpctlError } from '../base/error.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { ToolSession } from '../engines/ports.ts';
import { durationSeconds } from '../ir/duration.ts';
import type { SetupCall } from '../ir/tools-test.ts';
import { type Answers, boundArguments, overAnswer } from './arguments.ts';
import { pause } from './cases.ts';
import { Sender, type TestKey } from './sender.ts';

const EVERY = '1s';
const LONGEST = '10m';

export interface SetupDeps {
  readonly session: ToolSession;
  readonly newKey: () => Promise<TestKey>;
  readonly timeout_s: number;
  readonly signal: AbortSignal;
}

/** Makes the calls that come first, in order, and gives their answers by name. DATA_INVALID where one does not answer. */
export async function performSetup(
  calls: Readonly<Record<string, SetupCall>>,
  deps: SetupDeps,
): Promise<Result<Answers>> {
  const answers: Record<string, Json> = {};
  for (const [name, call] of Object.entries(calls)) {
    const answer = await perform(name, call, answers, deps);
    if (!answer.ok) return answer;
    answers[name] = answer.value;
  }
  return ok(answers);
}

async function perform(name: string, setup: SetupCall, answers: Answers, deps: SetupDeps): Promise<Result<Json>> {
  const args = boundArguments((setup.with ?? {}) as JsonObject, answers);
  if (!args.ok) return failed(name, args.error);
  const sender = new Sender({ call: setup.call, timeout_s: deps.timeout_s, signal: deps.signal });
  const message = { key: await deps.newKey(), arguments: args.value, which: 'given' } as const;
  const every_s = durationSeconds(setup.every ?? EVERY);
  const most = Math.max(1, Math.ceil(durationSeconds(setup.timeout ?? LONGEST) / Math.max(every_s, 0.01)));
  for (let asked = 1; asked <= most; asked += 1) {
    const { heard } = (await sender.send(deps.session, message)).at(-1)!;
    if (heard.kind !== 'answer') return failed(name, heard.message);
    if (setup.until === undefined) return ok(heard.answer);
    const until = overAnswer(setup.until, heard.answer);
    if (!until.ok) return failed(name, until.error);
    if (until.value === true) return ok(heard.answer);
    await pause(every_s * 1000, deps.signal);
  }
  return failed(name, `\`${setup.until}\` does not come true within ${setup.timeout ?? LONGEST}.`);
}

function failed(name: string, why: string): Result<never> {
  const hint = 'Correct `setup` in the test file of the tools, or the tool.';
  return err(new ExpctlError('DATA_INVALID', `The setup \`${name}\` does not work. ${why}`, { hint }));
}
