import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { ExpctlError } from '../base/error.ts';
import { err } from '../base/result.ts';
import type { ArtifactStore } from '../engines/ports.ts';

/** Knows files by their digests and keeps none: what a test makes is no evidence of anything else. */
export const DIGESTS_ALONE: ArtifactStore = {
  put: async (bytes) => ({ sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length }),
  putFile: async (path) => {
    const hash = createHash('sha256');
    let bytes = 0;
    const stream = createReadStream(path);
    stream.on('data', (chunk) => {
      bytes += chunk.length;
    });
    await pipeline(stream, hash);
    return { sha256: hash.digest('hex'), bytes };
  },
  get: async (sha256) =>
    err(new ExpctlError('NOT_FOUND', `The file ${sha256} was not kept.`, { hint: 'Tests keep none.' })),
  has: async () => false,
};
