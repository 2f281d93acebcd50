import { concatBytes, utf8 } from './bytes.ts';

/** Reads SSH's wire encoding (RFC 4251, section 5): 32-bit big-endian lengths before strings. Every reading may fail, none throws. */
export class SshReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  uint32(): number | undefined {
    const word = this.take(4);
    return word === undefined ? undefined : new DataView(word.buffer, word.byteOffset, 4).getUint32(0);
  }

  string(): Uint8Array | undefined {
    const length = this.uint32();
    return length === undefined ? undefined : this.take(length);
  }

  /** A string whose bytes are printable ASCII: names of algorithms and namespaces. */
  name(): string | undefined {
    const bytes = this.string();
    if (bytes?.every((byte) => byte >= 0x21 && byte <= 0x7e) !== true) return undefined;
    return String.fromCharCode(...bytes.subarray(0, 256));
  }

  take(length: number): Uint8Array | undefined {
    if (length > this.#bytes.length - this.#at) return undefined;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }
}

/** An SSH string: its length in 32 bits, then its bytes. */
export function sshString(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? utf8(value) : value;
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concatBytes(length, bytes);
}
