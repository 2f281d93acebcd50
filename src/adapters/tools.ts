import { resolve } from 'node:path';
import { ExpctlError } from '../base/error.ts';
import { err, type Result } from '../base/result.ts';
import type { ArtifactStore, ToolDiscovery, ToolHost } from '../engines/ports.ts';
import type { ToolDeclaration } from '../ir/tools.ts';
import type { ToolSurroundings } from './tools-ends.ts';

type Tools = ToolHost & ToolDiscovery;
type TransportKind = 'mcp' | 'process';

/**
 * Starts and asks tools of every transport. What a transport needs is loaded with the first tool of its kind: the MCP SDK alone
 * takes 0.4 s, and most commands start no tool.
 *
 * @param options.project_folder where the tools file is; commands and `files` count from it
 * @param options.artifacts      takes the files that tools make
 * @param options.log            takes each line that a tool writes to standard error; escape it before a terminal sees it
 */
export function createTools(options: {
  project_folder: string;
  artifacts: ArtifactStore;
  log?: (tool: string, line: string) => void;
}): Tools {
  const surroundings: ToolSurroundings = {
    project_folder: resolve(options.project_folder),
    artifacts: options.artifacts,
    log: options.log ?? (() => {}),
  };
  return {
    open: async (tool) => (await load(tool.pinned.transport.kind, surroundings)).open(tool),
    discover: async (name, declaration) => {
      const kind = transportOf(name, declaration);
      return kind.ok ? (await load(kind.value, surroundings)).discover(name, declaration) : kind;
    },
  };
}

async function load(kind: TransportKind, surroundings: ToolSurroundings): Promise<Tools> {
  if (kind === 'mcp') return new (await import('./mcp/tools.ts')).McpTools(surroundings);
  return new (await import('./process/tools.ts')).ProcessTools(surroundings);
}

/** TOOLS_INVALID unless the declaration names one transport, and a key for each call that is recovered by it. */
function transportOf(name: string, declaration: ToolDeclaration): Result<TransportKind> {
  const named = (['mcp', 'process', 'http', 'slurm'] as const).filter((kind) => declaration[kind] !== undefined);
  const [kind] = named;
  if (kind === undefined || named.length > 1) {
    return invalid(
      `Tool ${name} must name one transport, and names ${named.length === 0 ? 'none' : named.join(' and ')}.`,
    );
  }
  if (kind === 'http' || kind === 'slurm') return invalid(`Tool ${name} uses ${kind}, which expctl does not know yet.`);
  for (const [call, { effect, key }] of Object.entries(declaration.calls)) {
    if (effect === 'by_key' && key === undefined) {
      return invalid(`Call ${call} of tool ${name} is by_key and does not say how it takes the key.`);
    }
  }
  return { ok: true, value: kind };
}

function invalid(message: string): Result<never> {
  const hint = 'Name `mcp` or `process` with a command, and for each by_key call `key: { argument: NAME }`.';
  return err(new ExpctlError('TOOLS_INVALID', message, { hint }));
}
