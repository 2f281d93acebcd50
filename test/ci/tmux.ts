import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 50;
const LONGEST_WAIT_MS = 20_000;

let count = 0;

/** A terminal of a given size in a tmux server of its own, which runs one shell script; what it is sent is kept byte by byte. */
export class TmuxTerminal {
  readonly #folder = mkdtempSync(join(tmpdir(), 'expctl-tmux-'));
  readonly #socket = `expctl-${process.pid}-${count++}`;

  /** The script waits for its first line of input, so that nothing of its output is missed. */
  constructor(options: { columns: number; rows: number; cwd: string; script: string; env: Record<string, string> }) {
    const { columns, rows, cwd, script, env } = options;
    const settings = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const size = ['-x', String(columns), '-y', String(rows)];
    this.#tmux([
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      ...size,
      '-c',
      cwd,
      ...settings,
      `read go; ${script}; read end`,
    ]);
    this.#tmux(['pipe-pane', `cat > ${this.#folder}/bytes`]);
    this.keys('Enter');
  }

  #tmux(args: readonly string[]): string {
    return execFileSync('tmux', ['-L', this.#socket, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Keys by tmux's names. */
  keys(...names: string[]): void {
    this.#tmux(['send-keys', ...names]);
  }

  type(text: string): void {
    this.#tmux(['send-keys', '-l', text]);
  }

  resize(columns: number, rows: number): void {
    this.#tmux(['resize-window', '-x', String(columns), '-y', String(rows)]);
  }

  screen(): string {
    return this.#tmux(['capture-pane', '-p']);
  }

  /** A fact about the pane, such as `alternate_on`. */
  fact(name: string): string {
    return this.#tmux(['display-message', '-p', `#{${name}}`]).trim();
  }

  /** Process id of the program that the script runs now. */
  childPid(): number {
    return Number(execFileSync('pgrep', ['-P', this.fact('pane_pid')], { encoding: 'utf8' }).trim());
  }

  /** Waits until the condition holds of the screen, and returns it. */
  async until(condition: string | ((screen: string) => boolean), limit_ms: number = LONGEST_WAIT_MS): Promise<string> {
    const holds = typeof condition === 'string' ? (screen: string) => screen.includes(condition) : condition;
    const end = performance.now() + limit_ms;
    for (;;) {
      const screen = this.screen();
      if (holds(screen)) return screen;
      if (performance.now() > end) throw new Error(`never came: ${String(condition)}; the screen is\n${screen}`);
      await pause(POLL_MS);
    }
  }

  /** Everything that was written to the terminal so far. */
  bytes(): string {
    return readFileSync(join(this.#folder, 'bytes'), 'utf8');
  }

  close(): void {
    this.#tmux(['kill-server']);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
