import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../../src/commands/program.ts';
import { type ProfileName, RUNS, storyApp } from './story.ts';

interface Exported {
  readonly points: readonly { readonly metrics: { readonly y: number } }[];
}

const SQUARES = [1, 4, 9, 16, 25];

/**
 * Goes on with the first run on what a power cut left, with real tools, up to its gate or its end, and compares its results with those
 * of an undisturbed run. Null where the run had not begun, or had ended.
 */
export async function resumeHere(root: string, profile: ProfileName): Promise<readonly string[] | null> {
  const trust = join(root, 'policy', 'trust.json');
  if (!existsSync(trust)) return null;
  const state = JSON.parse((await command(root, profile, 'status', RUNS[0], '--json')).out || '{}') as {
    state?: string;
  };
  if (state.state === undefined || ['stopped', 'completed'].includes(state.state)) return null;
  const resumed = await command(root, profile, 'resume', RUNS[0], '--trust', trust);
  if (resumed.status !== 0 && resumed.status !== 5) return [`resume ended with ${resumed.status}: ${resumed.err}`];
  const { points } = JSON.parse((await command(root, profile, 'export', RUNS[0], '--json')).out) as Exported;
  const found = points.map(({ metrics }) => metrics.y);
  return String(found) === String(SQUARES) ? [] : [`resume gave the results ${found.join(', ')}`];
}

async function command(
  root: string,
  profile: ProfileName,
  ...args: readonly string[]
): Promise<{ status: number; out: string; err: string }> {
  const output = { out: '', err: '' };
  const app = storyApp(root, profile, (text) => {
    output.out += text;
  });
  let status = 0;
  const failed = await runProgram(args, {
    ...app,
    terminal: {
      ...app.terminal,
      note: (text) => {
        output.err += `${text}\n`;
      },
    },
    exit: (code) => {
      status = code;
    },
  });
  return { status: failed ?? status, ...output };
}
