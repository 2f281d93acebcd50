import type { Lock, LockedTool } from '../../../ir/lock.ts';
import type { PinnedCall } from '../../../ir/tools.ts';
import { plural } from '../../format.ts';
import type { ReviewLine, ReviewRow, ReviewSection } from '../model.ts';
import { jsonText, line, orNone, row, told } from '../rows.ts';

export function toolSections(lock: Lock): ReviewSection[] {
  const effects = lock.tools.flatMap(({ name, pinned }) =>
    Object.entries(pinned.calls).map(([call, pinned_call]) => effectRow(`${name}/${call}`, pinned_call)),
  );
  return [
    { pane: 'tools', title: 'What is started', heading: null, rows: orNone(lock.tools.map(toolRow), 'no tool') },
    { pane: 'tools', title: 'What each call does outside', heading: null, rows: orNone(effects, 'no call') },
  ];
}

export function noteSections(lock: Lock): ReviewSection[] {
  const rows = lock.notes.map((note) => row(note));
  return [{ pane: 'notes', title: 'Notes: what the plan leaves unsaid', heading: null, rows: orNone(rows, 'none') }];
}

function toolRow({ name, pin, pinned }: LockedTool): ReviewRow {
  const { transport, program, server, probe } = pinned;
  const environment = Object.entries(transport.env).map(([key, value]) => line(`env     ${key}=${value}`));
  return row(
    `${name}: ${transport.kind}, ${plural(Object.keys(pinned.calls).length, 'call')}`,
    [
      line(`command ${commandText(transport.command)}`),
      ...environment,
      line(`pin     SHA-256 ${pin}`),
      ...programLines(program),
      ...(server === null
        ? []
        : [line('server, as it calls itself:'), ...told(`${server.name} ${server.version}`, true)]),
      ...probeLines(probe),
    ],
    { open: true, mark: program.length === 0 ? '!' : '' },
  );
}

function programLines(program: LockedTool['pinned']['program']): ReviewLine[] {
  if (program.length === 0)
    return [line('program NO FILE IS PINNED: that another program is started would not be noticed')];
  return program.map(({ file, sha256 }) => line(`program ${file}, SHA-256 ${sha256}`));
}

/** Every word of a command line, so that two never look like one. */
function commandText(command: readonly string[]): string {
  return command.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : jsonText(word))).join(' ');
}

function probeLines(probe: LockedTool['pinned']['probe']): ReviewLine[] {
  if (probe === null) return [line('version no probe: the tool does not tell its version')];
  return [
    line(`version told by ${probe.call} when pinned:`),
    ...Object.entries(probe.answer).flatMap(([key, value]) => told(`${key}: ${jsonText(value)}`, true)),
  ];
}

const OUTSIDE: Readonly<Record<PinnedCall['effect'], string>> = {
  pure: 'nothing; it may be called again at any time',
  by_key: 'an effect under a key; sent again under the same key after a crash',
  findable: 'an effect that is looked up by its key after a crash',
  once: 'an effect that CANNOT BE RECOVERED; after a crash a person decides',
};

/** Names of the fields of a JSON Schema; the schema itself is in the contract's digest. */
function fieldsOf(schema: PinnedCall['input']): string {
  const { properties } = schema;
  if (typeof properties !== 'object' || properties === null) return 'what its schema does not name';
  const names = Object.keys(properties);
  return names.length === 0 ? 'nothing' : names.join(', ');
}

function effectRow(name: string, call: PinnedCall): ReviewRow {
  const details: ReviewLine[] = [
    ...(call.key === null ? [] : [line(`key in the argument ${call.key.argument}`)]),
    ...(call.argv === null ? [] : [line(`arguments ${commandText(call.argv)}`)]),
    ...(call.output === null ? [] : [line(`output ${jsonText(call.output)}`)]),
    line(`takes ${fieldsOf(call.input)}`),
    ...(call.answer === null ? [] : [line(`answers ${fieldsOf(call.answer)}`)]),
    line(`contract SHA-256 ${call.contract_sha256}, over schemas and description`),
    ...(call.description === '' ? [] : [line('description, as the tool tells it:'), ...told(call.description, true)]),
  ];
  return row(`${name}: ${call.effect}: ${OUTSIDE[call.effect]}`, details, {
    mark: call.effect === 'once' ? '!' : '',
    open: true,
  });
}
