import type { JsonObject } from '../../base/json.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { LockedTool } from '../../ir/lock.ts';
import { canonicalJson } from '../../ir/canonical.ts';
import { probeFacts } from '../tools-answer.ts';
import { firstDifference } from '../tools-difference.ts';
import { driftError } from '../tools-drift.ts';
import { programDrift } from '../tools-program.ts';
import { quoted } from '../tools-text.ts';
import { answerOf } from './answer.ts';
import { McpConnection, type ServerOptions } from './connection.ts';
import { contractDrift } from './contract.ts';

/** Starts in a row of a server that is killed before it could be compared. */
const STARTS = 5;

/** As `startPinned`; a server that somebody kills meanwhile is started again, one that ends by itself would do so again. */
export async function openPinned(tool: LockedTool, options: ServerOptions): Promise<Result<McpConnection>> {
  for (let start = 1; ; start += 1) {
    const started = await startPinned(tool, options);
    if (started.ok || start === STARTS || started.error.details['killed'] !== true) return started;
  }
}

/**
 * Starts the server of a pin and compares all that is pinned: program files before anything starts, then server, contracts and
 * the probe's answer. TOOL_DRIFT says what moved; TOOL_UNAVAILABLE when there is nothing to compare.
 */
export async function startPinned(tool: LockedTool, options: ServerOptions): Promise<Result<McpConnection>> {
  const { pinned, name } = tool;
  const { command, env } = pinned.transport;
  const program = await programDrift({ project_folder: options.project_folder, command, env }, pinned.program);
  if (program.length > 0) return err(driftError(name, program));
  const started = await McpConnection.start(options);
  if (!started.ok) return started;
  const compared = await compare(tool, started.value);
  if (compared.ok) return started;
  await started.value.close();
  return compared;
}

async function compare(tool: LockedTool, connection: McpConnection): Promise<Result<void>> {
  const { pinned } = tool;
  const moved: string[] = [];
  const { server } = connection;
  if (canonicalJson(server) !== canonicalJson(pinned.server)) {
    const [was, is] = [pinned.server, server].map((one) => (one === null ? 'nothing' : `${one.name} ${one.version}`));
    moved.push(`server: was ${quoted(was!)}, is ${quoted(is!)}`);
  }
  const contracts = await compareContracts(tool, connection);
  if (!contracts.ok) return contracts;
  moved.push(...contracts.value);
  // A probe of another contract is not called: it may be another tool by now.
  if (moved.length === 0 && pinned.probe !== null) moved.push(...(await compareProbe(pinned.probe, connection)));
  if (connection.dead) return err(await connection.unavailable('It ended.'));
  return moved.length === 0 ? ok(undefined) : err(driftError(tool.name, moved));
}

/** What moved in the contracts since the pin. */
export async function compareContracts(tool: LockedTool, connection: McpConnection): Promise<Result<string[]>> {
  const listed = await connection.list();
  return listed.ok ? ok(contractDrift(tool.pinned.calls, listed.value)) : listed;
}

async function compareProbe(
  pinned: NonNullable<LockedTool['pinned']['probe']>,
  connection: McpConnection,
): Promise<string[]> {
  const reply = await connection.probe(pinned.call);
  if (reply === undefined) return [`probe ${pinned.call}: gives no answer`];
  const answer = answerOf(reply, null);
  if (!answer.ok) return [`probe ${pinned.call}: ${answer.error.message}`];
  const difference = firstDifference(pinned.answer as JsonObject, probeFacts(answer.value), '');
  return difference === null ? [] : [`probe ${pinned.call}${difference}`];
}
