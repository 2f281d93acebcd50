import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BuiltInKey } from '../../src/approval/ed25519.ts';
import { MerkleTree } from '../../src/ir/merkle.ts';
import { type Checkpoint, checkpointText, parseCheckpoint } from '../../src/provenance/checkpoint.ts';
import { isSignedBy, keyId, type Note, parseNote, signNote, splitNotes } from '../../src/provenance/note.ts';
import { sha256Of } from './recorded.ts';

/** The note and key of Go's package note (golang.org/x/mod/sumdb/note, note_test.go), which the format comes from. */
const NEUMANN_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const NEUMANN =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n" +
  '\n' +
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

/** A key of the tests: bytes that everybody knows; PKCS #8 of RFC 8410, section 7. */
function keyOf(byte: number) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, byte)]);
  const object = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { key: new BuiltInKey(object), object };
}

/** Ed25519 over a file needs version 3; a newcomer may have none. */
const hasOpenssl = /^OpenSSL 3\./.test(spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout ?? '');

/** The bytes that are signed, and key id with signature, without the code that reads notes. */
function takenApart(note: string): { signed: Buffer; blob: Buffer } {
  const [text, signatures] = note.split('\n\n');
  return { signed: Buffer.from(`${text}\n`), blob: Buffer.from(/^— \S+ (\S+)\n$/.exec(signatures!)![1]!, 'base64') };
}

function noteOf(text: string): Note {
  const note = parseNote(text);
  if (!note.ok) throw new Error(note.error);
  return note.value;
}

const TEXT = 'expctl/journal/beam\n3\nAAAA\n';
const NAME = 'expctl/journal/beam';

describe('a signed note', () => {
  test('that others made is read, and its signature holds', () => {
    const [name = '', id, encoded = ''] = NEUMANN_KEY.split('+');
    const [type, ...raw] = Buffer.from(encoded, 'base64');
    expect(type).toBe(1);
    expect(keyId(name, Uint8Array.from(raw))).toBe(id);
    const note = noteOf(NEUMANN);
    expect(note.text.split('\n')).toHaveLength(3);
    expect(isSignedBy(note, name, Uint8Array.from(raw))).toBe(true);
    const changed = noteOf(NEUMANN.replace('problem is', 'problem was'));
    expect(isSignedBy(changed, name, Uint8Array.from(raw))).toBe(false);
    expect(isSignedBy(note, 'Peter', Uint8Array.from(raw))).toBeNull();
  });

  test('of ours is one for others: node:crypto verifies it over the bytes of its text', () => {
    const { key, object } = keyOf(7);
    const { signed, blob } = takenApart(signNote(TEXT, NAME, key));
    const id = sha256Of(Buffer.concat([Buffer.from(`${NAME}\n\u0001`), key.raw])).slice(0, 8);
    expect(blob.subarray(0, 4).toString('hex')).toBe(id);
    expect(verify(null, signed, createPublicKey(object), blob.subarray(4))).toBe(true);
  });

  test.skipIf(!hasOpenssl)('of ours is one for openssl too', () => {
    const { key, object } = keyOf(7);
    const { signed, blob } = takenApart(signNote(TEXT, NAME, key));
    const folder = mkdtempSync(join(tmpdir(), 'expctl-note-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'text'), signed);
    writeFileSync(join(folder, 'signature'), blob.subarray(4));
    writeFileSync(join(folder, 'key.pem'), createPublicKey(object).export({ format: 'pem', type: 'spki' }));
    const args = 'pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature'.split(' ');
    const { stdout, status } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    expect({ stdout: stdout.trim(), status }).toEqual({ stdout: 'Signature Verified Successfully', status: 0 });
  });

  test('with any character changed is not one by its key', () => {
    const { key } = keyOf(7);
    const whole = signNote(TEXT, NAME, key);
    for (let at = 0; at < whole.length; at += 1) {
      const other = whole[at] === 'x' ? 'y' : 'x';
      const note = parseNote(`${whole.slice(0, at)}${other}${whole.slice(at + 1)}`);
      expect(note.ok && isSignedBy(note.value, NAME, key.raw) === true, `character ${at}`).toBe(false);
    }
  });

  test('by another key of the same name is passed over', () => {
    const note = parseNote(signNote(TEXT, NAME, keyOf(7).key));
    expect(note.ok && isSignedBy(note.value, NAME, keyOf(8).key.raw)).toBeNull();
  });

  test('is refused where it is none', () => {
    const whole = signNote(TEXT, NAME, keyOf(7).key);
    const why = (text: string) => {
      const note = parseNote(text);
      return note.ok ? '' : note.error;
    };
    expect(why(TEXT)).toBe('it is not signed');
    expect(why(whole.slice(0, -1))).toBe('it is not signed');
    expect(why(whole.replace('3', '\t'))).toBe('it has control characters in it');
    expect(why(whole.replace('— ', '- '))).toContain('a line of its signatures');
    expect(why(`${whole}${'— a AAAAAAA=\n'.repeat(64)}`)).toContain('more than 64 signatures');
  });
});

test('notes of a file are told apart, with or without an empty line between them; a torn one is what is left', () => {
  const notes = [1, 2, 3].map((byte) => signNote(`${TEXT}at ${byte}\n`, NAME, keyOf(byte).key));
  for (const between of ['\n', '']) {
    const file = notes.join(between);
    expect(splitNotes(file)).toEqual({ notes, rest: '' });
    for (let length = 0; length < file.length; length += 1) {
      const { notes: whole, rest } = splitNotes(file.slice(0, length));
      expect(whole, `cut at ${length}`).toEqual(notes.slice(0, whole.length));
      expect(
        `${whole.join(between)}${whole.length > 0 && rest !== '' ? between : ''}${rest}`.length,
      ).toBeLessThanOrEqual(length);
    }
  }
  expect(splitNotes('no note\n\n\nneither\n').rest).toBe('neither\n');
});

describe('a checkpoint', () => {
  const tree = new MerkleTree((bytes) => Buffer.from(sha256Of(bytes), 'hex'));
  for (const byte of [1, 2, 3]) tree.append(new Uint8Array(32).fill(byte));
  const hash = 'ab'.repeat(32);
  const checkpoint: Checkpoint = {
    run: 'beam-4f2a9c10',
    size: 3,
    root: tree.root(),
    time_ms: Date.UTC(2026, 0, 31, 12),
    at: 'gate pilot 1',
    study: { stream: 'study', seq: 2, hash },
    last: { stream: 'point/1', seq: 1, hash, position: 17 },
    tree: tree.state(),
  };

  test('is the text of the format, and is read again', () => {
    const text = checkpointText(checkpoint);
    expect(text.split('\n').slice(0, 5)).toEqual([
      'expctl/journal/beam-4f2a9c10',
      '3',
      Buffer.from(tree.root()).toString('base64'),
      'time 2026-01-31T12:00:00.000Z',
      'at gate pilot 1',
    ]);
    const read = parseCheckpoint(text);
    expect(read.ok && checkpointText(read.value)).toBe(text);
  });

  test('needs only its three lines; what others add is passed over', () => {
    const three = checkpointText(checkpoint).split('\n').slice(0, 3);
    const read = parseCheckpoint(`${[...three, 'witness lines', 'time when', 'tree AAAA', 'last ?'].join('\n')}\n`);
    expect(read).toMatchObject({ ok: true, value: { size: 3, time_ms: null, at: null, last: null, tree: null } });
  });

  test.each([
    ['', 'its lines are not those of a checkpoint'],
    ['expctl/journal/x\n3', 'its lines are not those of a checkpoint'],
    ['go.sum database tree\n3\nAAAA\n', 'which is no journal of expctl'],
    ['expctl/journal/x\n03\nAAAA\n', 'its size is no number'],
    ['expctl/journal/x\n99999999999999999\nAAAA\n', 'its size is no number'],
    ['expctl/journal/x\n3\nAAAA\n', 'its root is not the base64 of 32 bytes'],
  ])('%j is refused', (text, why) => {
    const read = parseCheckpoint(text);
    expect(read.ok ? '' : read.error).toContain(why);
  });
});
