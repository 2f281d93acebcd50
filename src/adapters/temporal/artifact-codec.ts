import type { Payload, PayloadCodec } from '@temporalio/common';
import { unwrap } from '../../base/result.ts';
import type { ArtifactStore } from '../../engines/ports.ts';

/** Payloads of more bytes lie in the artifact store; the server, whose limit is 2 MiB, gets their digest. */
const INLINE_BYTES = 2000;
/** How many bytes of them are remembered, for they come again: the lock with every point. */
const REMEMBERED_BYTES = 64 * 1024 * 1024;
const ENCODING = 'expctl/artifact';

/**
 * Keeps large payloads as artifacts, so that a history holds their digests alone. What comes back is what was put there, or the task fails:
 * artifacts are verified on every read.
 */
export class ArtifactCodec implements PayloadCodec {
  readonly #artifacts: ArtifactStore;
  readonly #known = new Map<string, Uint8Array>();
  #known_bytes = 0;

  constructor(artifacts: ArtifactStore) {
    this.#artifacts = artifacts;
  }

  encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(payloads.map((payload) => this.#encode(payload)));
  }

  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(payloads.map((payload) => this.#decode(payload)));
  }

  async #encode(payload: Payload): Promise<Payload> {
    const { data, metadata } = payload;
    if (data === null || data === undefined || data.length <= INLINE_BYTES) return payload;
    const { sha256 } = await this.#artifacts.put(data);
    this.#remember(sha256, data);
    const original = text(metadata?.['encoding']);
    return { metadata: { encoding: bytes(ENCODING), original: bytes(original) }, data: bytes(sha256) };
  }

  async #decode(payload: Payload): Promise<Payload> {
    const { data, metadata } = payload;
    if (text(metadata?.['encoding']) !== ENCODING) return payload;
    const sha256 = text(data);
    const known = this.#known.get(sha256) ?? unwrap(await this.#artifacts.get(sha256));
    this.#remember(sha256, known);
    return { metadata: { encoding: bytes(text(metadata?.['original'])) }, data: known };
  }

  /** The latest ones. */
  #remember(sha256: string, data: Uint8Array): void {
    if (this.#known.delete(sha256)) this.#known_bytes -= data.length;
    this.#known.set(sha256, data);
    this.#known_bytes += data.length;
    for (const [oldest, { length }] of this.#known) {
      if (this.#known_bytes <= REMEMBERED_BYTES || oldest === sha256) return;
      this.#known.delete(oldest);
      this.#known_bytes -= length;
    }
  }
}

function bytes(value: string): Uint8Array {
  return Buffer.from(value, 'utf8');
}

function text(value: Uint8Array | null | undefined): string {
  return value === null || value === undefined ? '' : Buffer.from(value).toString('utf8');
}
