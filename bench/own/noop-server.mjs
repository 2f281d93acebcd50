/* An MCP server over standard input and output, with one tool that does nothing. */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const TOOL = {
  name: 'noop',
  description: 'Does nothing.',
  inputSchema: { type: 'object', properties: { x: { type: 'number' } } },
  outputSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
};
const ANSWER = { content: [{ type: 'text', text: '{"ok":true}' }], structuredContent: { ok: true } };

const server = new Server({ name: 'noop', version: '1' }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [TOOL] }));
server.setRequestHandler(CallToolRequestSchema, () => ANSWER);
await server.connect(new StdioServerTransport());
