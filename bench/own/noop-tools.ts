import type { ToolDeclaration } from '../../src/ir/tools.ts';

/** Tools that do nothing, by how they are reached. */
export type Kind = 'mcp' | 'silent' | 'answering';

const NOTHING = { effect: 'pure' } as const;

/** @param server path of noop-server.mjs */
export function declarationOf(kind: Kind, server: string): ToolDeclaration {
  if (kind === 'mcp') return { mcp: { command: [process.execPath, server] }, calls: { noop: NOTHING } };
  const output = { files: [], deny: [], exit: [0] };
  return kind === 'silent'
    ? { process: { command: ['true'] }, calls: { noop: { ...NOTHING, output: { ...output, stdout: 'text' } } } }
    : {
        process: { command: ['echo', '{"ok":true}'] },
        calls: { noop: { ...NOTHING, output: { ...output, stdout: 'json' } } },
      };
}
