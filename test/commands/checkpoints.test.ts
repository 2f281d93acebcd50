import { spawn } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { journalFile } from '../../src/adapters/sqlite/database.ts';
import type { JsonObject } from '../../src/base/json.ts';
import { err as failed } from '../../src/base/result.ts';
import { ExpctlError } from '../../src/base/error.ts';
import type { JournalRow } from '../../src/ir/events.ts';
import { merkleRoot, tamper } from '../provenance/verify-store.ts';
import { SquareProject } from './square-project.ts';

/*
 * Checkpoints of real runs, looked at with nothing but node:crypto and the definition of the Merkle tree.
 */

const RUN = 'one';

interface Seen {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  /** Further lines by their first word. */
  readonly more: Readonly<Record<string, string>>;
  /** By the public key that the store names. */
  readonly signed: boolean;
}

class Checkpointed extends SquareProject {
  readonly store = join(this.project, '.expctl');
  readonly safe = join(this.root, 'safe');

  file(folder = join(this.store, 'checkpoints')): string {
    return join(folder, `${RUN}.checkpoint`);
  }

  rows(): JournalRow[] {
    const database = new Database(journalFile(this.store), { readonly: true });
    const rows = database.prepare('SELECT * FROM events WHERE run = ? ORDER BY position').all(RUN) as JournalRow[];
    database.close();
    return rows;
  }

  /** The checkpoints of a file, taken apart by hand. */
  seen(file = this.file()): Seen[] {
    const keys = readFileSync(join(this.store, 'engine.pub'), 'utf8').trim().split('\n');
    return readFileSync(file, 'utf8')
      .split(/(?<=\n— .*\n)\n/)
      .map((note) => {
        const [text, signature] = note.split('\n\n') as [string, string];
        const [origin = '', size, root = '', ...more] = text.split('\n');
        const blob = Buffer.from(signature.trim().split(' ')[2]!, 'base64');
        const signed = keys.some((line) => {
          const raw = Buffer.from((JSON.parse(line) as { ed25519: string }).ed25519, 'base64');
          const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
          const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
          return verify(null, Buffer.from(`${text}\n`), key, blob.subarray(4));
        });
        const words = more.map((line) => [line.split(' ')[0]!, line.slice(line.indexOf(' ') + 1)]);
        return { origin, size: Number(size), root, more: Object.fromEntries(words), signed };
      });
  }

  begin(...flags: readonly string[]) {
    return this.run('run', this.lock, '--trust', this.trust, '--id', RUN, ...flags);
  }

  resume(...flags: readonly string[]) {
    return this.run('resume', RUN, '--trust', this.trust, ...flags);
  }

  decide() {
    return this.succeed('gate', RUN, '--outcome', 'continue', '--key', this.key, '--trust', this.trust);
  }

  /** The command in a process of its own, from the source. */
  spawn(...args: readonly string[]) {
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
    const argv = ['--import', import.meta.resolve('tsx'), main, ...args];
    const env = { PATH: process.env['PATH'] ?? '', HOME: join(this.root, 'home') };
    return spawn(process.execPath, argv, { cwd: this.project, env, stdio: 'ignore' });
  }

  async verify(...flags: readonly string[]): Promise<{ status: number; document: JsonObject }> {
    const { status, stdout } = await this.run('verify', RUN, '--json', ...flags);
    return { status, document: JSON.parse(stdout) as JsonObject };
  }
}

async function project(runs = 1): Promise<Checkpointed> {
  const made = new Checkpointed();
  await made.approve(runs);
  return made;
}

function rootOf(rows: readonly JournalRow[]): string {
  return merkleRoot(rows.map(({ hash }) => Buffer.from(hash, 'hex'))).toString('base64');
}

/** Every checkpoint is signed, and is the root of as many rows as it says. */
function expectTrue(seen: readonly Seen[], rows: readonly JournalRow[]): void {
  for (const { origin, size, root, signed } of seen) {
    expect({ origin, root, signed }).toEqual({
      origin: `expctl/journal/${RUN}`,
      root: rootOf(rows.slice(0, size)),
      signed: true,
    });
  }
}

describe('a run', () => {
  test('signs at its gate and at its end, in the store and in the folder that is named', async () => {
    const at = await project();
    expect((await at.begin('--checkpoints', at.safe)).status).toBe(5);
    const atGate = at.seen();
    const gate = at.rows().find(({ type }) => type === 'gate.opened')!;
    expect(atGate).toHaveLength(1);
    expect(atGate[0]!.more).toMatchObject({ at: 'gate look 1', study: `study/${gate.seq} ${gate.hash}` });
    expect(atGate[0]!.size).toBe(at.rows().length);
    await at.decide();
    expect((await at.resume('--checkpoints', at.safe)).status).toBe(0);
    const seen = at.seen();
    expect(seen.map(({ more }) => more['at'])).toEqual(['gate look 1', 'finished']);
    expect(seen.at(-1)!.size).toBe(at.rows().length);
    expectTrue(seen, at.rows());
    expect(readFileSync(at.file(at.safe), 'utf8')).toBe(readFileSync(at.file(), 'utf8'));
    const { status, document } = await at.verify('--checkpoint', at.file(at.safe));
    expect(status).toBe(0);
    expect(document['checkpoints']).toHaveLength(4);
  });

  test('makes a key in the store when it first needs one, and writes nothing into HOME', async () => {
    const at = await project(2);
    await at.begin();
    const key = join(at.store, 'engine.key');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const pem = readFileSync(key, 'utf8');
    await at.run('run', at.lock, '--trust', at.trust, '--id', 'two');
    expect(readFileSync(key, 'utf8')).toBe(pem);
    expect(readFileSync(join(at.store, 'engine.pub'), 'utf8').split('\n')).toHaveLength(2);
    expect(readFileSync(join(at.store, '.gitignore'), 'utf8')).toBe('engine.key\n');
    expect(readdirSync(join(at.root, 'home'))).toEqual([]);
  });

  test('signs with the key that is given, which a trust policy can name', async () => {
    const at = await project();
    const key = join(at.root, 'engine.key');
    await at.succeed('keys', 'new', key);
    await at.begin('--engine-key', key);
    expect(existsSync(join(at.store, 'engine.key'))).toBe(false);
    expectTrue(at.seen(), at.rows());
    const policy = JSON.parse(readFileSync(at.trust, 'utf8')) as JsonObject;
    const entry = JSON.parse(readFileSync(`${key}.pub`, 'utf8')) as JsonObject;
    const services = { 'engine@lab': { keys: [entry], may: ['checkpoint'] } };
    writeFileSync(at.trust, JSON.stringify({ ...policy, services }));
    const named = await at.verify('--trust', at.trust);
    expect(named.document['checkpoints']).toMatchObject([{ service: 'engine@lab', holds: true }]);
    // The store's word on whose key it is is not needed then.
    rmSync(join(at.store, 'engine.pub'));
    expect((await at.verify('--trust', at.trust)).document['checkpoints']).toMatchObject([{ service: 'engine@lab' }]);
    const shown = await at.run('trust', 'show', '--trust', at.trust);
    expect(shown.stdout).toMatch(/Services that sign checkpoints of journals\n {2}engine@lab: SHA256:/);
  });

  test('begins only where key and folder can be used', async () => {
    const at = await project();
    writeFileSync(join(at.root, 'no.key'), 'no key');
    writeFileSync(join(at.root, 'file'), '');
    for (const [flags, code] of [
      [['--engine-key', join(at.root, 'no.key')], 'DATA_INVALID'],
      [['--engine-key', join(at.root, 'nothing.key')], 'FILE_UNREADABLE'],
      [['--checkpoints', join(at.root, 'file')], 'FILE_UNREADABLE'],
    ] as const) {
      const { status, stdout } = await at.begin('--json', ...flags);
      expect({ status, code: (JSON.parse(stdout) as { error: { code: string } }).error.code }).toEqual({
        status: 2,
        code,
      });
    }
    expect(existsSync(join(at.counts, 'calls.log'))).toBe(false);
    expect((await at.begin()).status, 'the approval was not used').toBe(5);
  });

  test('takes key and folder from the environment', async () => {
    const at = await project();
    const key = join(at.root, 'engine.key');
    await at.succeed('keys', 'new', key);
    const env = { USER: 'tester', EXPCTL_CHECKPOINTS: at.safe, EXPCTL_ENGINE_KEY: key };
    await at.app({ env }).run(['run', at.lock, '--trust', at.trust, '--id', RUN]);
    expect(existsSync(join(at.store, 'engine.key'))).toBe(false);
    expectTrue(at.seen(at.file(at.safe)), at.rows());
  });

  test('shows its gate once the checkpoint is written', async () => {
    const at = await project();
    const { app, run } = (() => {
      const made = at.app();
      return { app: made.app, run: () => made.run(['run', at.lock, '--trust', at.trust, '--id', RUN]) };
    })();
    const order: string[] = [];
    const { append } = app.files;
    Object.assign(app.files, {
      append: async (...args: Parameters<typeof append>) => {
        if (args[1].includes('at gate')) order.push('begun');
        for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
        const added = await append(...args);
        if (args[1].includes('at gate')) order.push('written');
        return added;
      },
    });
    app.terminal.stderr.on('data', (text: Buffer) => {
      if (text.toString().includes('gate look: Go on?')) order.push('shown');
    });
    expect((await run()).status).toBe(5);
    expect(order).toEqual(['begun', 'written', 'shown']);
  });

  test('goes on where a checkpoint cannot be written, and says so once', async () => {
    const at = await project();
    const made = at.app();
    const full = new ExpctlError('FILE_UNREADABLE', 'safe/one.checkpoint cannot be added to: no space.', { hint: 'x' });
    const { append } = made.app.files;
    Object.assign(made.app.files, {
      append: async (...args: Parameters<typeof append>) =>
        args[0].startsWith(at.safe) ? failed(full) : append(...args),
    });
    const args = ['run', at.lock, '--trust', at.trust, '--id', RUN, '--checkpoints', at.safe];
    const { status, stderr } = await made.run(args);
    expect(status).toBe(5);
    expect(stderr.match(/A checkpoint of the journal was not written/g)).toHaveLength(1);
    expectTrue(at.seen(), at.rows());
  });
});

test('a run that is being performed is verified as far as it has come', async () => {
  const at = await project();
  const performer = at.spawn('run', at.lock, '--trust', at.trust, '--id', RUN, '--wait');
  const ended = new Promise((resolve) => performer.once('exit', resolve));
  const written = () => (existsSync(at.file()) ? readFileSync(at.file(), 'utf8') : '');
  await expect.poll(written, { timeout: 30_000, interval: 50 }).toMatch(/^— .*\n$/m);
  const { status, document } = await at.verify();
  expect(status, JSON.stringify(document)).toBe(0);
  expect(document).toMatchObject({ ended: null, checkpoints: [{ at: 'gate look 1', holds: true }] });
  await at.decide();
  expect(await ended).toBe(0);
  expect((await at.verify()).document).toMatchObject({
    ended: { status: 'stopped' },
    checkpoints: [{}, { holds: true }],
  });
});

describe('a run that goes on', () => {
  test('behind a SIGKILL of its engine holds, with what was signed before', async () => {
    const at = await project();
    const killed = at.spawn('run', at.lock, '--trust', at.trust, '--id', RUN, '--checkpoints', at.safe);
    const gone = new Promise((resolve) => killed.once('exit', (_code, signal) => resolve(signal)));
    const log = join(at.counts, 'calls.log');
    await expect.poll(() => existsSync(log), { timeout: 30_000, interval: 10 }).toBe(true);
    killed.kill('SIGKILL');
    expect(await gone).toBe('SIGKILL');
    expect((await at.verify('--no-artifacts')).status).toBe(0);
    expect((await at.resume('--checkpoints', at.safe)).status).toBe(5);
    expectTrue(at.seen(at.file(at.safe)), at.rows());
    expect(at.seen().at(-1)!.size).toBe(at.rows().length);
    expect((await at.verify('--checkpoint', at.file(at.safe))).status).toBe(0);
  });

  test('behind a crash signs what is there, whatever of its checkpoints is left', async () => {
    const left: ((file: string) => void)[] = [
      (file) => rmSync(file),
      (file) => writeFileSync(file, readFileSync(file).subarray(0, -90)), // within the em dash or the signature
      (file) => writeFileSync(file, readFileSync(file).subarray(0, readFileSync(file).indexOf('—') + 1)),
      (file) => writeFileSync(file, readFileSync(file, 'utf8').replace(/^tree .*$/m, 'tree AAAA')),
    ];
    for (const leave of left) {
      const at = await project();
      await at.begin();
      leave(at.file());
      await at.decide();
      expect((await at.resume()).status).toBe(0);
      const own = at.seen().filter(({ signed }) => signed);
      expect(own.at(-1)!.size).toBe(at.rows().length);
      expectTrue(own, at.rows());
    }
  });

  test('does not, where its journal was cut; what was signed in another place tells of it for ever', async () => {
    const at = await project();
    await at.begin('--checkpoints', at.safe);
    await at.decide();
    const rows = at.rows();
    tamper(at.store, (database) => database.prepare('DELETE FROM events WHERE position > ?').run(rows[19]!.position));
    const refused = await at.resume('--checkpoints', at.safe, '--json');
    expect(refused.status).toBe(6);
    expect(refused.stderr).toContain(`holds ${rows.length} rows, 20 are there`);
    expect(at.rows()).toHaveLength(20);
    expect(at.seen()).toHaveLength(1);
    // Somebody does it all the same.
    for (const folder of [at.safe, join(at.store, 'checkpoints')])
      renameSync(at.file(folder), `${at.file(folder)}.old`);
    expect((await at.resume('--checkpoints', at.safe)).status).toBe(5);
    expect((await at.verify()).status).toBe(0);
    const told = await at.verify('--checkpoint', `${at.file(at.safe)}.old`);
    expect(told.status).toBe(6);
    expect(told.document).toMatchObject({ error: { details: { verdict: 'FORK' } } });
  });

  test('does not, where its journal was written anew', async () => {
    const at = await project();
    await at.begin();
    await at.decide();
    tamper(at.store, (database) =>
      database.exec("UPDATE events SET hash = replace(hash, 'a', 'b') WHERE type = 'gate.opened'"),
    );
    const refused = await at.resume();
    expect(refused.status).toBe(6);
    expect(refused.stderr).toContain('others are there');
  });

  test('is not begun anew where only its checkpoints are left', async () => {
    const at = await project();
    await at.begin('--checkpoints', at.safe);
    rmSync(at.store, { recursive: true });
    const again = await at.begin('--checkpoints', at.safe);
    expect(again.status).toBe(2);
    expect(again.stderr).toContain(`There is a run ${RUN} already`);
  });
});
