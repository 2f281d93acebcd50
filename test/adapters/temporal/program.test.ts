import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cachedProgram, temporalProgram } from '../../../src/adapters/temporal/program.ts';
import { surroundings, type Surroundings } from './place.ts';

const SCRIPT = '#!/bin/sh\n';

function search(at: Surroundings, more: Partial<Parameters<typeof temporalProgram>[0]> = {}) {
  const notes: string[] = [];
  const env = { PATH: `${join(at.folder, 'bin')}:/bin:/usr/bin`, ...more.env };
  const { home } = at;
  return { notes, options: { home, note: (text: string) => void notes.push(text), ...more, env } };
}

/** Go, as far as it is asked: it says where its folder is, and builds by these lines of shell. */
function writeGo(at: Surroundings, install: string): void {
  const lines = [
    `if [ "$1" = env ]; then echo ${join(at.folder, 'go')}; exit 0; fi`,
    'echo "$@" > $GOBIN/args',
    install,
  ];
  at.write('bin/go', `${SCRIPT}${lines.join('\n')}\n`, 0o755);
}

describe('the program temporal', () => {
  test('is taken from PATH, else from the cache, else from the folder of Go', async () => {
    const at = surroundings();
    const { options } = search(at);
    writeGo(at, 'exit 1');
    const in_go = at.write('go/bin/temporal', SCRIPT, 0o755);
    expect(await temporalProgram(options)).toEqual({ ok: true, value: in_go });
    const cached = at.write(`home/.cache/expctl/temporal/1.5.1/temporal`, SCRIPT, 0o755);
    expect(cachedProgram(options)).toBe(cached);
    expect(await temporalProgram(options)).toEqual({ ok: true, value: cached });
    const in_path = at.write('bin/temporal', SCRIPT, 0o755);
    expect(await temporalProgram(options)).toEqual({ ok: true, value: in_path });
  });

  test('is not taken from a relative folder of PATH, nor where it cannot be executed', async () => {
    const at = surroundings();
    at.write('bin/temporal', SCRIPT);
    const found = await temporalProgram({ ...search(at).options, env: { PATH: `.:bin:${at.folder}/bin` } });
    expect(found).toMatchObject({ ok: false, error: { code: 'ENGINE_UNAVAILABLE' } });
    if (found.ok) return;
    expect(found.error.message).toContain('neither it nor Go');
    expect(found.error.hint).toContain('go install github.com/temporalio/cli/cmd/temporal@v1.5.1');
  });

  test('is built once where there is none, and how long that takes is told', async () => {
    const at = surroundings();
    // As long as a file is not there yet, it builds: the test lets it end once progress was told.
    const done = join(at.folder, 'done');
    writeGo(at, `while [ ! -e ${done} ]; do sleep 0.05; done; echo x > $GOBIN/temporal; chmod 755 $GOBIN/temporal`);
    const cache = join(at.folder, 'cache');
    const { options, notes } = search(at, { env: { XDG_CACHE_HOME: cache }, progress_s: 0.05 });
    const note = (text: string): void => {
      notes.push(text);
      if (text.includes('still building')) at.write('done', '');
    };
    const built = await temporalProgram({ ...options, note });
    const file = join(cache, 'expctl/temporal/1.5.1/temporal');
    expect(built).toEqual({ ok: true, value: file });
    expect(notes[0]).toContain('go install github.com/temporalio/cli/cmd/temporal@v1.5.1');
    expect(notes[1]).toMatch(/^ {2}still building, \d+ s$/);
    expect(notes.at(-1)).toContain(`: ${file}`);
    expect(readFileSync(join(cache, 'expctl/temporal/1.5.1/args'), 'utf8').trim()).toBe(
      'install github.com/temporalio/cli/cmd/temporal@v1.5.1',
    );
    writeGo(at, 'exit 1');
    expect(await temporalProgram(options)).toEqual(built);
  });

  test('that cannot be built is said with what Go says', async () => {
    const at = surroundings();
    writeGo(at, 'echo "dial tcp: lookup proxy.golang.org: no such host" >&2; exit 1');
    const built = await temporalProgram(search(at).options);
    expect(built).toMatchObject({ ok: false, error: { message: expect.stringContaining('no such host') } });
  });

  test('an interruption ends the building with all that it has started', async () => {
    const at = surroundings();
    const [pid_file, ended] = [join(at.folder, 'pid'), join(at.folder, 'ended')];
    const compiler = `(trap "echo > ${ended}; exit" TERM; while :; do sleep 0.05; done) & echo $! > ${pid_file}; wait`;
    writeGo(at, `trap "wait; exit 1" TERM; ${compiler}`);
    const interrupt = new AbortController();
    const { options } = search(at, { progress_s: 0.02, signal: interrupt.signal });
    const note = (): void => {
      if (existsSync(pid_file)) interrupt.abort();
    };
    const built = await temporalProgram({ ...options, note });
    expect(built).toMatchObject({ ok: false, error: { message: expect.stringContaining('interrupted') } });
    expect(existsSync(ended)).toBe(true);
  });
});
