import type { PinnedCall, PinnedTool } from '../ir/tools.ts';
import { cut, renderColumns } from './columns.ts';
import { safeText } from './safe-text.ts';

/** Calls with what each does outside and how it takes the key. */
export function callLines(calls: Readonly<Record<string, PinnedCall>>): string[] {
  const rows = Object.entries(calls).map(([name, { effect, key, description }]) => [
    safeText(name),
    effect,
    key === null ? '' : safeText(key.argument),
    cut(safeText(description), 60),
  ]);
  const columns = [{ title: 'CALL' }, { title: 'EFFECT' }, { title: 'KEY' }, { title: 'WHAT IT SAYS OF ITSELF' }];
  return renderColumns(columns, rows).map((line) => `  ${line}`);
}

/** A tool in one line: how it is started, what it calls itself, what its version probe told. */
export function toolLine(name: string, { transport, server, probe }: PinnedTool): string {
  const command = transport.command
    .map((part) => (/^[\w./@%+=:,-]+$/.test(part) ? part : JSON.stringify(part)))
    .join(' ');
  const named = server === null ? '' : `, ${server.name} ${server.version}`;
  const told =
    probe === null
      ? ''
      : `, ${Object.entries(probe.answer)
          .map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
          .join(', ')}`;
  return safeText(`${name}: ${transport.kind} ${command}${named}${told}`);
}
