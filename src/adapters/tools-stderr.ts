import { StringDecoder } from 'node:string_decoder';

const KEPT_BYTES = 64 * 1024;
const LINE_CHARACTERS = 4000;

/** Standard error of a tool: the last 64 kB are kept, and each line is told once. */
export class StderrRing {
  #kept: Buffer = Buffer.alloc(0);
  #total = 0;
  #line = '';
  readonly #decoder = new StringDecoder('utf8');
  readonly #tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  /** Bytes so far; a mark for `since`. */
  get total(): number {
    return this.#total;
  }

  push(chunk: Buffer): void {
    this.#total += chunk.length;
    this.#kept = Buffer.concat([this.#kept, chunk]).subarray(-KEPT_BYTES);
    const lines = (this.#line + this.#decoder.write(chunk)).split('\n');
    this.#line = lines.pop()!.slice(0, LINE_CHARACTERS);
    for (const line of lines) this.#tell(line.slice(0, LINE_CHARACTERS));
  }

  /** Nothing more comes: tells a last line that has no end. */
  end(): void {
    const line = this.#line + this.#decoder.end();
    this.#line = '';
    if (line !== '') this.#tell(line.slice(0, LINE_CHARACTERS));
  }

  /** What was written after a mark, as far as it is still kept. */
  since(mark: number): Buffer {
    const length = Math.min(this.#total - mark, this.#kept.length);
    return this.#kept.subarray(this.#kept.length - length);
  }

  text(): string {
    return this.#kept.toString('utf8');
  }
}
