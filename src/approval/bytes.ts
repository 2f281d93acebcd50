import { createHash } from 'node:crypto';

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Text of exact UTF-8 bytes, or undefined; a byte-order mark is kept, so that a strict JSON parser refuses it. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/**
 * Bytes of base64 in its one spelling: padded, no white space, unused bits zero. Standard alphabet; with `urlSafe` also
 * RFC 4648 section 5, as DSSE allows. Node's own decoder skips what it does not know, so the text is compared again.
 */
export function fromBase64(text: string, options: { urlSafe?: boolean } = {}): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  const standard = bytes.toString('base64');
  if (standard === text) return new Uint8Array(bytes);
  const url = standard.replaceAll('+', '-').replaceAll('/', '_');
  return options.urlSafe === true && url === text ? new Uint8Array(bytes) : undefined;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
