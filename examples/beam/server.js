// An MCP server over stdio: a cantilever through CAD, mesh, solver and post-processing. See README.md.
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ErrorCode, ListToolsRequestSchema, McpError } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { releaseKernel } from './geometry.js';
import { ToolError } from './state.js';
import { TOOLS, VERSION } from './tools.js';

const READ_ONLY = new Set(['solve.wait', 'solve.fetch', 'post.extract', 'version']);

const server = new Server({ name: 'beam', version: VERSION }, { capabilities: { tools: {} } });

server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.entries(TOOLS).map(([name, { description, input, output }]) => ({
    name,
    description,
    inputSchema: z.toJSONSchema(input, { target: 'draft-7', io: 'input' }),
    outputSchema: z.toJSONSchema(output, { target: 'draft-7' }),
    annotations: {
      readOnlyHint: READ_ONLY.has(name),
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
  })),
}));

server.setRequestHandler(CallToolRequestSchema, async ({ params: { name, arguments: given = {} } }) => {
  const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
  if (tool === undefined) throw new McpError(ErrorCode.InvalidParams, `There is no tool ${name}.`);
  const input = tool.input.safeParse(given);
  if (!input.success) return failure(name, problems(input.error));
  try {
    const answer = tool.output.parse(await tool.run(input.data));
    const files = tool.files?.(input.data, answer) ?? [];
    const links = files.map((path) => ({ type: 'resource_link', uri: pathToFileURL(path).href, name: basename(path) }));
    return { content: [{ type: 'text', text: JSON.stringify(answer) }, ...links], structuredContent: answer };
  } catch (error) {
    if (!(error instanceof ToolError)) console.error(error);
    return failure(name, error.message);
  }
});

function problems(error) {
  return error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(' ')).join('; ');
}

function failure(name, message) {
  return { isError: true, content: [{ type: 'text', text: `${name}: ${message}` }] };
}

process.stdin.on('end', releaseKernel); // the client has gone
await server.connect(new StdioServerTransport());
