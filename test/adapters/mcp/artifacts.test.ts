import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { keepArtifacts } from '../../../src/adapters/mcp/answer.ts';
import { MemoryArtifacts } from '../tools-project.ts';

/* Results as large as a message may be, made to keep whoever names their parts busy. */

const kept = (content: { type: string }[]) => keepArtifacts(new MemoryArtifacts(), { content }, []);

test('150,000 parts of one name are refused, and 1,000 are taken', async () => {
  const part = { type: 'resource', resource: { uri: 'log', text: '' } };
  const began = performance.now();
  const message = 'The result has 150000 files and other parts beside its text; at most 1000 are taken.';
  expect(await kept(Array(150_000).fill(part))).toEqual({ ok: false, error: message });
  const taken = await kept([...Array(1000).fill(part), { type: 'text' }]);
  expect(taken.ok && taken.value.map(({ name }) => name).slice(-2)).toEqual(['log-999', 'log-1000']);
  expect(performance.now() - began).toBeLessThan(5000);
});

test('a kind of picture that has 300,000 suffixes and a line end', async () => {
  const began = performance.now();
  const taken = await kept([{ type: 'image', data: '', mimeType: `image/svg${'+'.repeat(300_000)}\nxml` } as never]);
  expect(taken.ok && taken.value.map(({ name }) => name)).toEqual(['image.svg']);
  expect(performance.now() - began).toBeLessThan(5000);
});
