import type { Lock } from '../../ir/lock.ts';
import type { PinnedCall, PinnedTool } from '../../ir/tools.ts';
import { byName, digestChange, jsonText, leafChanges, type LockChange, namedChanges, textChange } from './change.ts';

/** Pins by tool; where one moved, which field of it. */
export function lockedToolChanges(before: Lock, after: Lock): LockChange[] {
  // Not by the pin's digest: what is executed is what is pinned, whatever the digest beside it says.
  const text = ({ pinned }: Lock['tools'][number]): string => pinnedText(pinned);
  return namedChanges('tools', byName(before.tools), byName(after.tools), text, (name, old, now) =>
    pinChanges(name, old.pinned, now.pinned),
  );
}

/** Pins of two tools locks, or of what was pinned and what is there now. */
export function toolChanges(
  before: Readonly<Record<string, PinnedTool>>,
  after: Readonly<Record<string, PinnedTool>>,
): LockChange[] {
  const of = (tools: Readonly<Record<string, PinnedTool>>): Map<string, PinnedTool> => new Map(Object.entries(tools));
  return namedChanges('tools', of(before), of(after), pinnedText, pinChanges);
}

function pinnedText({ transport, server }: PinnedTool): string {
  const named = server === null ? '' : ` (${server.name} ${server.version})`;
  return `${transport.kind}: ${transport.command.join(' ')}${named}`;
}

function pinChanges(name: string, old: PinnedTool, now: PinnedTool): LockChange[] {
  const files = ({ program }: PinnedTool): Map<string, string> =>
    new Map(program.map(({ file, sha256 }) => [`${name}.program ${file}`, sha256]));
  const calls = ({ calls: all }: PinnedTool): Map<string, PinnedCall> =>
    new Map(Object.entries(all).map(([call, pinned]) => [`${name}/${call}`, pinned]));
  return [
    ...textChange('tools', `${name}.transport`, old.transport.kind, now.transport.kind),
    ...textChange('tools', `${name}.command`, jsonText(old.transport.command), jsonText(now.transport.command)),
    ...leafChanges('tools', `${name}.env`, old.transport.env, now.transport.env),
    ...namedChanges('tools', files(old), files(now), String, (file, was, is) => digestChange('tools', file, was, is)),
    ...textChange('tools', `${name}.server`, serverText(old), serverText(now)),
    ...textChange('tools', `${name}.probe`, old.probe?.call ?? null, now.probe?.call ?? null),
    ...leafChanges('tools', `${name}.probe`, old.probe?.answer ?? {}, now.probe?.answer ?? {}),
    ...namedChanges('tools', calls(old), calls(now), callText, callChanges),
  ];
}

function serverText({ server }: PinnedTool): string | null {
  return server === null ? null : `${server.name} ${server.version}`;
}

function callText({ effect, key }: PinnedCall): string {
  return key === null ? effect : `${effect}, key in ${key.argument}`;
}

function callChanges(path: string, old: PinnedCall, now: PinnedCall): LockChange[] {
  const told = [
    ...textChange('tools', `${path}.description`, old.description, now.description),
    ...leafChanges('tools', `${path}.input`, old.input, now.input),
    ...leafChanges('tools', `${path}.answer`, old.answer, now.answer),
  ];
  const contract = digestChange('tools', `${path}.contract`, old.contract_sha256, now.contract_sha256);
  return [
    ...textChange('tools', `${path}.effect`, callText(old), callText(now)),
    ...textChange('tools', `${path}.argv`, argvText(old), argvText(now)),
    ...leafChanges('tools', `${path}.output`, old.output, now.output),
    ...told,
    // What the digest covers and the pin does not hold: title and annotations.
    ...(told.length === 0 ? contract : []),
  ];
}

function argvText({ argv }: PinnedCall): string | null {
  return argv === null ? null : jsonText(argv);
}
