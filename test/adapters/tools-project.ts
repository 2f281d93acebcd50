import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTools } from '../../src/adapters/tools.ts';
import type { JsonObject } from '../../src/base/json.ts';
import { unwrap } from '../../src/base/result.ts';
import { ok } from '../../src/base/result.ts';
import type { ArtifactStore, CallEnd, ToolCall, ToolSession } from '../../src/engines/ports.ts';
import { canonicalJson } from '../../src/ir/canonical.ts';
import type { LockedTool } from '../../src/ir/lock.ts';
import { type PinnedTool, ToolDeclaration } from '../../src/ir/tools.ts';

/** Artifacts in memory; `text` of one by its digest. */
export class MemoryArtifacts implements ArtifactStore {
  readonly kept = new Map<string, Uint8Array>();

  async put(bytes: Uint8Array): Promise<{ sha256: string; bytes: number }> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.kept.set(sha256, Uint8Array.from(bytes));
    return { sha256, bytes: bytes.length };
  }

  async putFile(path: string): Promise<{ sha256: string; bytes: number }> {
    return this.put(readFileSync(path));
  }

  async get(sha256: string): ReturnType<ArtifactStore['get']> {
    return ok(this.kept.get(sha256)!);
  }

  async has(sha256: string): Promise<boolean> {
    return this.kept.has(sha256);
  }

  text(sha256: unknown): string {
    return Buffer.from(this.kept.get(String(sha256)) ?? []).toString('utf8');
  }
}

/** A project folder with copies of fixture tools, and what is needed to pin, open and call them. */
export class ToolProject {
  readonly folder = mkdtempSync(join(tmpdir(), 'expctl-test-'));
  readonly work_folder = join(this.folder, 'work');
  readonly artifacts = new MemoryArtifacts();
  readonly lines: string[] = [];
  readonly tools = createTools({
    project_folder: this.folder,
    artifacts: this.artifacts,
    log: (tool, line) => this.lines.push(`${tool}: ${line}`),
  });
  readonly #sessions: ToolSession[] = [];

  constructor(...fixtures: string[]) {
    mkdirSync(this.work_folder);
    for (const name of fixtures) {
      copyFileSync(fileURLToPath(new URL(`../fixtures/tools/${name}`, import.meta.url)), this.path(name));
    }
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** What the fixture server reads when it starts. */
  order(orders: JsonObject): void {
    writeFileSync(this.path('orders.json'), JSON.stringify(orders));
  }

  async pin(declaration: unknown, name = 'fixture'): Promise<LockedTool> {
    return locked(name, unwrap(await this.tools.discover(name, ToolDeclaration.parse(declaration))));
  }

  async open(tool: LockedTool): Promise<ToolSession> {
    const session = unwrap(await this.tools.open(tool));
    this.#sessions.push(session);
    return session;
  }

  call(call: string, args: JsonObject = {}, more: Partial<ToolCall> = {}): ToolCall {
    const { work_folder } = this;
    const signal = new AbortController().signal;
    return { call, arguments: args, key: 'c0ffee', work_folder, timeout_s: 20, signal, ...more };
  }

  /** Process ids of all servers and programs that were started here, as they wrote them down. */
  pids(): number[] {
    if (!existsSync(this.path('pids'))) return [];
    return readFileSync(this.path('pids'), 'utf8').trim().split('\n').map(Number);
  }

  /** Those of whose process groups something still runs. */
  left(): number[] {
    const running = runningGroups();
    return this.pids().filter((pid) => (running === null ? isSignalled(pid) : running.has(pid)));
  }

  async end(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.close()));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Process groups in which something runs; what has ended and was not reaped yet does not. Null where there is no /proc. */
export function runningGroups(): ReadonlySet<number> | null {
  if (!existsSync('/proc/self/stat')) return null;
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return new Set(
    processes.flatMap((pid) => {
      try {
        const [, state, group] = /\) (\S) \d+ (\d+) [^)]*$/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))!;
        return state === 'Z' ? [] : [Number(group)];
      } catch {
        return []; // it has ended meanwhile
      }
    }),
  );
}

function isSignalled(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

export function locked(name: string, pinned: PinnedTool): LockedTool {
  return { name, pin: createHash('sha256').update(canonicalJson(pinned)).digest('hex'), pinned };
}

/** An end without what differs from run to run. */
export function stable(end: CallEnd): unknown {
  const { observed: _, ...rest } = end;
  return rest;
}
