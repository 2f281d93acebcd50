import { parseEnvelope } from '../approval/dsse.ts';
import { parseGateDecision } from '../approval/statement.ts';
import type { ExpctlError } from '../base/error.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import type { ArtifactRef, JournalRow, RunEvent } from '../ir/events.ts';
import type { ObjectReader } from './ports.ts';
import { STREAMS } from './replay-artifacts.ts';
import { eventOf, observedOf, textIn } from './rows.ts';
import { problem, type Problems } from './verdicts.ts';

/** Events that name objects, or after which others are judged. */
const NAMING: ReadonlySet<string> = new Set<RunEvent['type']>([
  'run.started',
  'effect.answered',
  'gate.opened',
  'gate.decided',
]);
/** Observed beside whatever a person signed. */
const ENVELOPE = 'envelope_sha256';

/** An object of the store that a row names. */
interface Named {
  readonly what: string;
  readonly sha256: string;
  /** Its size, where the row says it. */
  readonly bytes?: number;
  /** What people signed may lie with them instead: it is noted, not missed. */
  readonly kept_elsewhere?: true;
}

/** A gate's decision, and the row that whoever signed it had before them. */
export interface SignedHead {
  readonly gate: string;
  readonly seq: number;
}

/** The files that rows name, each read once: it is there, and what its digest says. And what people signed at gates is this journal. */
export class ObjectVerifier {
  readonly not_checked: string[] = [];
  readonly signed: SignedHead[] = [];
  objects = 0;
  bytes = 0;
  readonly #objects: ObjectReader;
  readonly #with_artifacts: boolean;
  readonly #problems: Problems;
  /** Sizes by digest; null for what is not as it should be, and was told. */
  readonly #seen = new Map<string, number | null>();
  #opened: JournalRow | null = null;

  /** @param with_artifacts whether files that tools made are read too */
  constructor(objects: ObjectReader, with_artifacts: boolean, problems: Problems) {
    this.#objects = objects;
    this.#with_artifacts = with_artifacts;
    this.#problems = problems;
  }

  /** @returns what has to be waited for; null for a row that names nothing */
  take(row: JournalRow): Promise<void> | null {
    const isNaming = NAMING.has(row.type) || String(row.observed).includes(ENVELOPE);
    return isNaming ? this.#take(row) : null;
  }

  async #take(row: JournalRow): Promise<void> {
    for (const named of this.#namedBy(row)) await this.#check(row, named);
    if (row.type === 'run.started') await this.#checkTables(row);
    if (row.type === 'gate.opened') this.#opened = row;
    if (row.type === 'gate.decided') await this.#checkDecision(row);
  }

  #namedBy(row: JournalRow): Named[] {
    const event = eventOf(row);
    const observed = observedOf(row);
    const named: Named[] = [];
    if (event.type === 'run.started') {
      named.push({ what: 'the lock', sha256: String(event.lock_sha256) });
      named.push({ what: 'the request', sha256: String(event.request_sha256), kept_elsewhere: true });
      for (const sha256 of listIn(event.approvals)) {
        named.push({ what: 'an approval', sha256: String(sha256), kept_elsewhere: true });
      }
    }
    if (this.#with_artifacts && event.type === 'effect.answered') {
      for (const { name, sha256, bytes } of artifactsIn(event.outcome)) named.push({ what: name, sha256, bytes });
      for (const [what, field] of Object.entries(STREAMS)) {
        const sha256 = textIn(observed, field);
        if (sha256 !== null) named.push({ what, sha256 });
      }
    }
    const envelope = textIn(observed, ENVELOPE);
    if (envelope !== null) named.push({ what: 'what was signed', sha256: envelope, kept_elsewhere: true });
    return named;
  }

  async #check(row: JournalRow, { what, sha256, bytes, kept_elsewhere }: Named): Promise<void> {
    const seen = this.#seen.get(sha256);
    const size = seen === undefined ? await this.#read(row, what, sha256, kept_elsewhere === true) : seen;
    if (size !== null && bytes !== undefined && bytes !== size) {
      const message = `${what} (${sha256}) has ${size} bytes, not ${bytes}`;
      this.#problems.add(problem('ARTIFACT_CHANGED', row, message));
    }
  }

  async #read(row: JournalRow, what: string, sha256: string, kept_elsewhere: boolean): Promise<number | null> {
    this.#seen.set(sha256, null);
    const read = await this.#objects.get(sha256);
    if (read.ok) {
      const { byteLength } = read.value;
      this.#seen.set(sha256, byteLength);
      this.objects += 1;
      this.bytes += byteLength;
      return byteLength;
    }
    const isMissing = read.error.code === 'NOT_FOUND';
    if (isMissing && kept_elsewhere) {
      this.not_checked.push(`${capitalised(what)} (${sha256.slice(0, 12)}): the store does not hold it.`);
    } else {
      const how = isMissing ? 'is not in the store' : unreadable(read.error);
      this.#problems.add(
        problem(isMissing ? 'ARTIFACT_MISSING' : 'ARTIFACT_CHANGED', row, `${what} (${sha256}) ${how}`),
      );
    }
    return null;
  }

  /** Design tables are named by the lock alone. Of its form, only that is looked at. */
  async #checkTables(row: JournalRow): Promise<void> {
    const event = eventOf(row);
    if (event.type !== 'run.started' || typeof this.#seen.get(event.lock_sha256) !== 'number') return;
    const lock = await this.#json(event.lock_sha256);
    for (const table of listIn(isJsonObject(lock) ? lock['tables'] : null)) {
      const sha256 = isJsonObject(table) ? textIn(table, 'sha256') : null;
      if (sha256 !== null) await this.#check(row, { what: 'a design table', sha256 });
    }
  }

  /** The journal's head is part of what a person signs at a gate: another one there, and the journal is another. */
  async #checkDecision(row: JournalRow): Promise<void> {
    const event = eventOf(row);
    const sha256 = textIn(observedOf(row), ENVELOPE);
    if (event.type !== 'gate.decided' || sha256 === null || typeof this.#seen.get(sha256) !== 'number') return;
    const bytes = await this.#objects.get(sha256);
    const envelope = bytes.ok ? parseEnvelope(bytes.value) : bytes;
    const decision = envelope.ok ? parseGateDecision(envelope.value.payloadBytes) : envelope;
    if (!decision.ok) {
      const message = `what was signed at gate ${event.gate} (${sha256}) is no decision`;
      this.#problems.add(problem('ARTIFACT_CHANGED', row, message));
      return;
    }
    const { journalHead, runId } = decision.value.predicate;
    const { seq } = journalHead;
    if (runId === row.run && seq === this.#opened?.seq && journalHead.hash === this.#opened.hash) {
      this.signed.push({ gate: event.gate, seq });
      return;
    }
    const message = `the decision at gate ${event.gate} was signed on another journal, in which ${journalHead.stream}/${seq} has the hash ${journalHead.hash}`;
    this.#problems.add(problem('FORK', { stream: 'study', seq }, message));
  }

  async #json(sha256: string): Promise<Json> {
    const bytes = await this.#objects.get(sha256);
    try {
      return bytes.ok ? (JSON.parse(Buffer.from(bytes.value).toString('utf8')) as Json) : null;
    } catch {
      return null;
    }
  }
}

/** Of an outcome that may be anything: a row that was changed is found by its hash. */
function artifactsIn(outcome: unknown): ArtifactRef[] {
  const { artifacts } = (outcome ?? {}) as { artifacts?: unknown };
  return listIn(artifacts).flatMap((ref) => {
    const { name, sha256, bytes } = (ref ?? {}) as { name?: unknown; sha256?: unknown; bytes?: unknown };
    const isRef = typeof name === 'string' && typeof sha256 === 'string' && typeof bytes === 'number';
    return isRef ? [{ name, sha256, bytes }] : [];
  });
}

function unreadable({ code, message }: ExpctlError): string {
  return code === 'ARTIFACT_CORRUPT' ? 'is not what its digest says' : `cannot be read: ${message}`;
}

function listIn(value: unknown): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
