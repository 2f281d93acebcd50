import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { pinProgram, programDrift } from '../../src/adapters/tools-program.ts';
import { unwrap } from '../../src/base/result.ts';

const hasPython = spawnSync('python3', ['-c', 'import mmap']).status === 0;

/** Changes the beginning of a file through mapped memory: at once, and when it is told a line. Says a line behind each. */
const MAPPED = `
import mmap, sys
with open(sys.argv[1], 'r+b') as file:
    memory = mmap.mmap(file.fileno(), 0)
    for text in [b'signed', b'forged']:
        memory[0:6] = text
        print(text, flush=True)
        sys.stdin.readline()
`;

test.skipIf(!hasPython).each([100, 200_000])(
  'a program of %i bytes that is changed while its times stay is found out',
  async (bytes) => {
    const folder = mkdtempSync(join(tmpdir(), 'expctl-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'program.mjs');
    writeFileSync(path, Buffer.alloc(bytes));
    const python = spawn('python3', ['-c', MAPPED, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void python.kill('SIGKILL'));
    await once(python.stdout, 'data');
    const program = { project_folder: folder, command: ['node', 'program.mjs'], env: {} };
    const pinned = unwrap(await pinProgram('fixture', program, []));
    expect(await programDrift(program, pinned)).toEqual([]);
    const before = statSync(path, { bigint: true });
    python.stdin.write('\n');
    await once(python.stdout, 'data');
    expect(statSync(path, { bigint: true }).ctimeNs, 'its times stay').toBe(before.ctimeNs);
    expect(await programDrift(program, pinned)).toMatchObject([expect.stringContaining('was sha256')]);
  },
);
