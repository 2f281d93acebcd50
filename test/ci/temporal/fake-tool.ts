import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, JsonObject } from '../../../src/base/json.ts';
import { canonicalJson } from '../../../src/ir/canonical.ts';
import type { Outcome } from '../../../src/ir/events.ts';

interface Sending extends JsonObject {
  call: string;
  number: number;
  key: string;
}

/**
 * A tool on a folder, idempotent by key, that writes down each effect and each sending.
 *
 * It decides the order in which points come on, so that two runs on two engines have the same order: the cad of a point waits until
 * the point before it holds the core (its job is submitted), and a job is submitted once the point before it was post-processed.
 */
export class FakeTool {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(join(folder, 'answers'), { recursive: true });
  }

  /** While held, the job of the point is running. */
  holdJob(number: number): () => void {
    return this.#mark(`hold-${number}`);
  }

  /** The call has its effect and then does not answer, until told otherwise. */
  stall(call: string, number: number): () => void {
    return this.#mark(`stall-${call}-${number}`);
  }

  /** The events are in the journal, and nobody is told. */
  stallAppend(stream: string, type: string): () => void {
    return this.#mark(`stall-append-${stream.replace('/', '-')}-${type}`);
  }

  isStalled(stream: string, types: readonly string[]): boolean {
    return types.some((type) => this.#marked(`stall-append-${stream.replace('/', '-')}-${type}`));
  }

  effects(): Sending[] {
    return this.#read('effects.jsonl');
  }

  sendings(): Sending[] {
    return this.#read('sendings.jsonl');
  }

  /** @param pause waits a little; throws when nobody waits for the answer any more */
  async call(call: string, given: JsonObject, key: string, pause: () => Promise<void>): Promise<Outcome> {
    const number = Number(given['number']);
    this.#note('sendings.jsonl', { call, number, key });
    if (call === 'wait') return answer({ status: this.#marked(`hold-${number}`) ? 'running' : 'done' });
    if (call === 'fetch') return answer({ result: `result-${number}` });
    const before = { cad: 'submit', submit: 'post' }[call];
    while (before !== undefined && number > 1 && !this.#happened(before, number - 1)) await pause();
    const outcome = this.#once(call, number, given, key);
    while (this.#marked(`stall-${call}-${number}`)) await pause();
    return outcome;
  }

  /** The effect, at most once for a key. */
  #once(call: string, number: number, given: JsonObject, key: string): Outcome {
    const file = join(this.folder, 'answers', `${key}.json`);
    const asked = canonicalJson([call, given]);
    if (existsSync(file)) {
      const stored = JSON.parse(readFileSync(file, 'utf8')) as { asked: string; outcome: Outcome };
      if (stored.asked !== asked) throw new Error(`the key ${key} was used for other arguments`);
      return stored.outcome;
    }
    const outcome = this.#effect(call, number, given);
    writeFileSync(file, JSON.stringify({ asked, outcome }), { flag: 'wx' });
    this.#note('effects.jsonl', { call, number, key });
    return outcome;
  }

  #effect(call: string, number: number, given: JsonObject): Outcome {
    // The first attempt at the third point fails, and the next one, under another key, does not.
    if (call === 'cad' && number === 3 && !this.#happened('cad', 3)) {
      return { ok: false, class: 'transient', message: 'the cad kernel was busy' };
    }
    if (call === 'cad') return answer({ id: `cad-${String(given['word'])}`, width: given['width'] ?? null });
    if (call === 'submit') return answer({ job: `job-${number}` });
    return answer({ mass: 10 / number, deflection: number / 10 });
  }

  #happened(call: string, number: number): boolean {
    return this.effects().some((effect) => effect.call === call && effect.number === number);
  }

  #mark(name: string): () => void {
    const file = join(this.folder, name);
    writeFileSync(file, '');
    return () => rmSync(file, { force: true });
  }

  #marked(name: string): boolean {
    return existsSync(join(this.folder, name));
  }

  #note(file: string, line: Sending): void {
    appendFileSync(join(this.folder, file), `${JSON.stringify(line)}\n`);
  }

  #read(file: string): Sending[] {
    const path = join(this.folder, file);
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as Sending);
  }
}

function answer(value: Json): Outcome {
  return { ok: true, answer: value, artifacts: [] };
}
