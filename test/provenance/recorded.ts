import { createHash, createPrivateKey } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileArtifacts } from '../../src/adapters/files/artifacts.ts';
import { openJournal } from '../../src/adapters/sqlite/journal.ts';
import { thisProcess } from '../../src/adapters/sqlite/process-facts.ts';
import { authorise } from '../../src/approval/authorise.ts';
import { verifyGateDecision } from '../../src/approval/gate.ts';
import { lockFacts } from '../../src/approval/lock-facts.ts';
import { buildRequest } from '../../src/approval/request.ts';
import { NAMESPACES } from '../../src/approval/signature.ts';
import { builtInSigner, signEnvelope } from '../../src/approval/signer.ts';
import { buildApproval, buildGateDecision } from '../../src/approval/statement.ts';
import { parseTrust, trustInit, type Trust } from '../../src/approval/trust.ts';
import type { Json, JsonObject } from '../../src/base/json.ts';
import { ok, unwrap } from '../../src/base/result.ts';
import { type EngineDeps, type RunEnd, startRun } from '../../src/engines/embedded/engine.ts';
import type { CallEnd, Clock, ToolCall, ToolHost } from '../../src/engines/ports.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import { LOCAL_ENVIRONMENT } from '../../src/ir/environment.ts';
import type { GateOpened, JournalRow } from '../../src/ir/events.ts';
import type { DesignTable, Lock } from '../../src/ir/lock.ts';
import { ToolsLock } from '../../src/ir/tools.ts';
import { compileProgram, type Program } from '../../src/kernel/program.ts';
import { checkPlan } from '../../src/plan/check.ts';
import { lockPlan } from '../../src/plan/lock.ts';
import { verifyTables } from '../../src/plan/lock-file.ts';
import { readSource } from '../../src/plan/source.ts';

/*
 * Journals of real runs: the embedded engine over SQLite, with a beam whose answers are those of the formula, in a time that
 * passes only when nothing else is left to do. Everything is the same in every run of a test, digests and signatures included.
 */

export const BEGIN_MS = Date.UTC(2026, 0, 31, 12);
export const RUN = 'beam-4f2a9c10';

export const PLAN = `
expctl: 1
name: beam
goal: Lightest steel cantilever that deflects at most 0.2 mm under 100 N at the tip.
constants: { load: 100 N, length: 200 mm, E: 210 GPa, density: 7850 kg/m^3 }
variables:
  width: { type: real, unit: mm, min: 5, max: 20 }
  height: { type: real, unit: mm, min: 8, max: 30 }
constraints: [length / height >= 6]
pipeline:
  cad:
    call: beam/cad.modify
    with: { design_id: cantilever, params: { b: =width, h: =height, L: =length } }
  mesh:
    call: beam/mesh.generate
    with: { cad_rev_id: =cad.cad_rev_id, size: 5 }
  solve:
    job:
      submit:
        call: beam/solve.submit
        with: { mesh_id: =mesh.mesh_id, load: =load, E_MPa: { value: =E, unit: MPa }, density_kg_m3: =density }
      poll:
        call: beam/solve.wait
        with: { run_id: =submit.run_id }
        every: 1s
        until: status in ['done', 'failed']
        expect: [status == 'done']
        timeout: 10m
      fetch:
        call: beam/solve.fetch
        with: { run_id: =submit.run_id }
    uses: { cores: 1 }
    retry: { attempts: 3, backoff: 10s, on: [transient, node_lost] }
  post:
    call: beam/post.extract
    with: { result_id: =solve.result_id, qoi: [mass, deflection, reaction] }
    expect: ["abs(q(reaction, 'N') - load) < 1e-3 * load"]
metrics:
  mass: { value: =post.mass, unit: kg, plausible: [0.01, 5] }
  deflection: { value: =post.deflection, unit: mm, plausible: [0.001, 50] }
objectives: [{ minimize: mass }]
outcome_constraints: [deflection <= 0.2]
study:
  - phase: explore
    design: { latin_hypercube: { points: 8, seed: 7, optimize: maximin } }
  - phase: pilot
    gate: { role: lead, ask: Continue with the search?, evidence: [metrics, best(5)], outcomes: [continue, stop], timeout: 3d, on_timeout: stop }
  - phase: refine
    design: { extend: explore, points: 4 }
  - phase: judge
    decide:
      - { if: size(feasible) == 0, then: "extend(explore, 4)", at_most: 1, because: nothing feasible yet }
      - { else: stop, because: the search is bounded }
pools: { cores: 2 }
budget: { points: 16, calls: 200, failed_points: 10 }
`;

/** Time that passes, to the next timer, only when the event loop has nothing else to do. */
export class VirtualClock implements Clock {
  #now_ms = BEGIN_MS;
  #order = 0;
  #timers: { due_ms: number; order: number; fire: () => void }[] = [];
  #stopped = false;

  monotonic_ms(): number {
    return this.now_ms();
  }

  now_ms(): number {
    return this.#now_ms;
  }

  after(seconds: number, fire: () => void): () => void {
    const timer = { due_ms: this.#now_ms + Math.max(0, seconds) * 1000, order: this.#order++, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async pass(): Promise<void> {
    for (let idle = 0; !this.#stopped; idle += 1) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (idle < 6) continue;
      idle = 0;
      const [next] = this.#timers.sort((a, b) => a.due_ms - b.due_ms || a.order - b.order);
      if (next === undefined) continue;
      this.#timers.shift();
      this.#now_ms = Math.max(this.#now_ms, Math.round(next.due_ms));
      next.fire();
    }
  }

  stop(): void {
    this.#stopped = true;
  }
}

/** The beam's tools, in memory. */
class FakeBeam implements ToolHost {
  readonly artifacts = new Map<string, Uint8Array>();
  readonly #clock: Clock;
  readonly #made = new Map<string, JsonObject>();
  readonly #polls = new Map<string, number>();
  readonly #spoil: (call: string, args: JsonObject, attempt: number) => CallEnd | undefined;
  readonly #attempts = new Map<string, number>();

  constructor(clock: Clock, spoil: RecordOptions['spoil']) {
    this.#clock = clock;
    this.#spoil = spoil ?? (() => undefined);
  }

  async open() {
    return ok({ call: (call: ToolCall) => this.#call(call), close: async () => undefined });
  }

  keep(name: string, text: string): { name: string; sha256: string; bytes: number } {
    const bytes = new TextEncoder().encode(text);
    const sha256 = sha256Of(bytes);
    this.artifacts.set(sha256, bytes);
    return { name, sha256, bytes: bytes.length };
  }

  #call(call: ToolCall): Promise<CallEnd> {
    const seconds = call.call === 'solve.wait' ? 0.1 : 0.3;
    return new Promise((resolve) => this.#clock.after(seconds, () => resolve(this.#end(call))));
  }

  #end({ call, arguments: args }: ToolCall): CallEnd {
    const facts = { tool: 'beam', tool_version: 'beam 1.0.0', solver: 'builtin', solver_version: '1.0.0', host: 'lab' };
    const observed = { ...facts, duration_ms: call === 'solve.wait' ? 100 : 300 };
    const subject = `${call} ${canonicalJson(args)}`;
    const attempt = (this.#attempts.get(subject) ?? 0) + 1;
    this.#attempts.set(subject, attempt);
    const spoilt = this.#spoil(call, args, attempt);
    if (spoilt !== undefined) return { ...spoilt, observed: { ...observed, stderr_sha256: this.#said(call) } };
    const answer = this.#answer(call, args);
    if (call === 'cad.modify') {
      const step = this.keep('cantilever.step', `ISO-10303-21; ${canonicalJson(args)}\n`);
      return { kind: 'answer', answer, artifacts: [step], observed };
    }
    const said: JsonObject = call === 'solve.submit' ? { stderr_sha256: this.#said(call) } : {};
    return { kind: 'answer', answer, artifacts: [], observed: { ...observed, ...said } };
  }

  #said(call: string): string {
    return this.keep('stderr', `${call}: started\n\u001b[31mwarning\u001b[0m: coarse mesh\n`).sha256;
  }

  #answer(call: string, args: JsonObject): Json {
    const from = (name: string) => this.#made.get(String(args[name]))!;
    switch (call) {
      case 'cad.modify': {
        const { b, h, L } = args['params'] as Record<string, number>;
        return { cad_rev_id: this.#make('cad', { b: b!, h: h!, L: L! }), volume_mm3: b! * h! * L! };
      }
      case 'mesh.generate':
        return { mesh_id: this.#make('mesh', from('cad_rev_id')), elements: 1200 };
      case 'solve.submit':
        return { run_id: this.#make('run', { ...from('mesh_id'), ...args }) };
      case 'solve.wait': {
        const polls = (this.#polls.get(String(args['run_id'])) ?? 0) + 1;
        this.#polls.set(String(args['run_id']), polls);
        return { status: polls < 2 ? 'running' : 'done', message: '' };
      }
      case 'solve.fetch':
        return { result_id: this.#make('result', from('run_id')) };
      default:
        return beamAnswer(from('result_id') as Record<string, number>);
    }
  }

  #make(kind: string, facts: JsonObject): string {
    const id = `${kind}_${sha256Of(canonicalJson(facts)).slice(0, 16)}`;
    this.#made.set(id, facts);
    return id;
  }
}

/** Euler and Bernoulli: w = 4 P L^3 / (E b h^3); m = rho L b h. Millimetres, N, MPa, kg/m^3. */
function beamAnswer({ b, h, L, load, E_MPa, density_kg_m3 }: Record<string, number>): JsonObject {
  const deflection = (4 * load! * L! ** 3) / (E_MPa! * b! * h! ** 3);
  return { mass: density_kg_m3! * b! * h! * L! * 1e-9, deflection, reaction: load! };
}

export interface RecordOptions {
  readonly plan?: string;
  readonly run?: string;
  /** Plays a tool that fails, by call, arguments, and how often exactly this was called before and now. */
  readonly spoil?: (call: string, args: JsonObject, attempt: number) => CallEnd | undefined;
  /** What is decided at gates; `wait` decides nothing, and the run is left at its gate. */
  readonly gate?: 'continue' | 'stop' | 'wait';
}

export interface Recorded {
  readonly project: string;
  readonly store: string;
  readonly trust_path: string;
  readonly trust: Trust;
  readonly lock: Lock;
  readonly lock_sha256: string;
  readonly request_sha256: string;
  readonly tables: ReadonlyMap<string, DesignTable>;
  readonly program: Program;
  readonly run: string;
  readonly rows: readonly JournalRow[];
  readonly end: RunEnd;
  readonly artifacts: FileArtifacts;
  remove(): void;
}

/** Plans, locks, approves and runs the beam in a new folder; the store holds all that a run of the command would leave there. */
export async function recordRun(options: RecordOptions = {}): Promise<Recorded> {
  const folder = mkdtempSync(join(tmpdir(), 'expctl-provenance-'));
  const project = join(folder, 'project');
  const store = join(project, '.expctl');
  mkdirSync(store, { recursive: true });
  const locked = lockOf(options.plan ?? PLAN);
  const { lock, program } = locked;
  const lock_bytes = new TextEncoder().encode(locked.bytes);
  const signer = unwrap(builtInSigner(ALICE_PEM));
  const policy = unwrap(
    trustInit({ person: 'alice', key: signer.publicKey, solo: true, allow_without_terminal: true }),
  );
  const trust_path = join(folder, 'trust.json');
  writeFileSync(trust_path, JSON.stringify(policy));
  chmodSync(trust_path, 0o600);
  const trust = unwrap(parseTrust(readFileSync(trust_path)));

  const clock = new VirtualClock();
  const { limits, environment } = lockFacts(lock);
  const base = { lock_sha256: locked.sha256, plan_name: lock.name, environment, limits, requested_by: 'alice' };
  const request = unwrap(buildRequest({ ...base, now_ms: BEGIN_MS - 3_600_000 }));
  const { not_before, not_after } = request.request.validity;
  const random = countedBytes();
  const common = { lock_sha256: locked.sha256, request_sha256: request.sha256, not_before, not_after, random };
  const approval = unwrap(
    buildApproval({
      ...common,
      decision: 'approve',
      approver: { principal: 'alice', role: '*' },
      displayed: { sha256: sha256Of('what was shown'), renderer: 'expctl-review/1' },
      comment: 'Looks right.',
      self_approved: true,
      now_ms: BEGIN_MS - 1_800_000,
    }),
  );
  const envelope = unwrap(await signEnvelope(signer, NAMESPACES.approval, approval));
  const approved = unwrap(
    authorise({
      lock_bytes,
      read_lock: () => ok({ lock, facts: lockFacts(lock) }),
      request_bytes: request.bytes,
      envelopes: [envelope],
      trust,
      environment,
      engine: 'embedded',
      runs_used: 0,
      purpose: 'start',
      now_ms: BEGIN_MS,
    }),
  );

  const tools = new FakeBeam(clock, options.spoil);
  const journal = openJournal(store, { clock, process: thisProcess() });
  const run = options.run ?? RUN;
  const decisions: Uint8Array[] = [];
  const openGateOf = (gate: GateOpened, journal_head: { stream: string; seq: number; hash: string }) => ({
    lock_sha256: locked.sha256,
    request_sha256: request.sha256,
    requested_by: 'alice',
    run_id: run,
    gate: gate.gate,
    occurrence: gate.occurrence,
    role: gate.role,
    outcomes: gate.outcomes,
    journal_head,
    evidence_sha256: sha256Of(canonicalJson(gate.evidence)),
  });
  const deps: EngineDeps = {
    journal,
    tools,
    clock,
    workFolder: async () => folder,
    host: {
      host: 'lab',
      platform: 'linux-x64',
      expctl: '0.1.0',
      node: '20.19.0',
      git_commit: 'c0ffee',
      git_changed: false,
    },
    verifyResolution: async () => {
      throw new Error('nothing is unresolved here');
    },
    verifyGate: async (message, opened, head) => {
      const bytes = Buffer.from(String(message['envelope']), 'base64');
      decisions.push(bytes);
      return verifyGateDecision({ envelope: bytes, gate: openGateOf(opened, head), trust, now_ms: clock.now_ms() });
    },
    onRow: (row) => {
      if (row.type === 'gate.opened' && options.gate !== 'wait') void decide(row);
    },
    onNotice: (text) => {
      throw new Error(text);
    },
  };
  const decide = async (row: JournalRow) => {
    const opened = { type: row.type, ...JSON.parse(row.body) } as GateOpened;
    const head = { stream: row.stream, seq: row.seq, hash: row.hash };
    const statement = unwrap(
      buildGateDecision({
        ...common,
        run_id: run,
        gate: opened.gate,
        occurrence: opened.occurrence,
        outcome: options.gate ?? 'continue',
        journal_head: head,
        evidence_sha256: sha256Of(canonicalJson(opened.evidence)),
        approver: { principal: 'alice', role: opened.role },
        comment: 'Go on.',
        now_ms: clock.now_ms(),
      }),
    );
    const bytes = unwrap(await signEnvelope(signer, NAMESPACES.gate, statement));
    await journal.post(run, 'gate', { by: 'alice', envelope: Buffer.from(bytes).toString('base64') });
  };
  const performance = unwrap(
    await startRun(deps, { run, approved, program, wait: options.gate !== 'wait', by: 'alice' }),
  );
  const passing = clock.pass();
  const end = unwrap(await performance.end);
  clock.stop();
  await passing;
  const rows: JournalRow[] = [];
  for await (const row of journal.read(run)) rows.push(row);
  await journal.close();

  const artifacts = new FileArtifacts(store);
  const kept = [lock_bytes, request.bytes, envelope, ...decisions, ...tools.artifacts.values()];
  for (const text of locked.table_texts.values()) kept.push(new TextEncoder().encode(text));
  for (const bytes of kept) await artifacts.put(bytes);
  const { sha256: lock_sha256, tables } = locked;
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const files = { project, store, trust_path, artifacts, remove };
  return { ...files, trust, lock, lock_sha256, request_sha256: request.sha256, tables, program, run, rows, end };
}

function lockOf(plan: string) {
  const file = fileURLToPath(new URL('./fixtures/beam.tools.lock.json', import.meta.url));
  const tools = ToolsLock.parse(JSON.parse(readFileSync(file, 'utf8')));
  const source = readSource('beam.plan.yaml', new TextEncoder().encode(plan));
  if (!source.ok) throw new Error(JSON.stringify(source.error));
  const { checked, problems } = checkPlan({
    plan: source.value,
    tools,
    environment: LOCAL_ENVIRONMENT,
    file: () => undefined,
  });
  if (checked === null) throw new Error(problems.map(({ message }) => message).join('\n'));
  const { lock, bytes, tables: table_texts } = unwrap(lockPlan(checked));
  const tables = unwrap(verifyTables(lock, (sha256) => table_texts.get(sha256)));
  return { lock, bytes, sha256: sha256Of(bytes), table_texts, tables, program: unwrap(compileProgram(lock, tables)) };
}

export function sha256Of(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A key of the tests, made from bytes that everybody knows; PKCS #8 of RFC 8410, section 7. */
const ALICE_PEM = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
})
  .export({ format: 'pem', type: 'pkcs8' })
  .toString();

function countedBytes(): (count: number) => Uint8Array {
  let next = 1;
  return (count) => Uint8Array.from({ length: count }, () => next++ % 256);
}

export const SPOILT = (call: string, args: JsonObject, attempt: number): CallEnd | undefined => {
  const facts = canonicalJson(args);
  if (call === 'solve.submit' && attempt === 1 && /mesh_[0-7]/.test(facts))
    return failure('transient', 'no licence server');
  if (call === 'post.extract' && /result_[01]/.test(facts)) return failure('tool_failed', 'no <b>result</b>\u001b[31m');
  return undefined;
};

export function failure(kind: string, message: string): CallEnd {
  return { kind: 'failure', class: kind, message, observed: {} };
}
