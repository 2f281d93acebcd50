import { createHash } from 'node:crypto';
import { concatBytes, fromBase64, toBase64, utf8, utf8Text } from '../approval/bytes.ts';
import { type BuiltInKey, verifyEd25519 } from '../approval/ed25519.ts';
import { err, ok, type Result } from '../base/result.ts';

/*
 * Signed notes: a text, an empty line, and signature lines. Many may follow each other in a file, an empty line between them, as long
 * as no text has an empty line in it.
 *
 * Source: C2SP signed-note v1.0.0 (c2sp.org/signed-note), with Ed25519 alone.
 */

/** `0x01`: Ed25519 over the text (signed-note, "Signature types"). */
const ED25519_TYPE = 1;
const KEY_ID_BYTES = 4;
/** UTF-8. */
const MOST_CHARACTER_BYTES = 4;
const SIGNATURE_LINE = /^— ([^\s+]+) (\S+)$/u;
/** Verifiers have to take at least 16 (signed-note, "Format"). */
const MOST_SIGNATURES = 64;

export interface NoteSignature {
  readonly name: string;
  /** Four bytes, as hexadecimal digits. */
  readonly key_id: string;
  readonly signature: Uint8Array;
}

export interface Note {
  /** What is signed, with the line end that closes it. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** The first four bytes of SHA-256 of name, line feed, type and key: which key of that name signed, as a hint. */
export function keyId(name: string, raw: Uint8Array): string {
  const named = concatBytes(utf8(`${name}\n`), Uint8Array.of(ED25519_TYPE), raw);
  return createHash('sha256')
    .update(named)
    .digest('hex')
    .slice(0, 2 * KEY_ID_BYTES);
}

/** @param text lines that are not empty, each with its end. @returns the whole note, which ends with a line end */
export function signNote(text: string, name: string, key: BuiltInKey): string {
  const signature = concatBytes(Buffer.from(keyId(name, key.raw), 'hex'), key.sign(utf8(text)));
  return `${text}\n— ${name} ${toBase64(signature)}\n`;
}

/** Reads one note. @returns why it is none, as the end of a sentence */
export function parseNote(note: string): Result<Note, string> {
  if (hasControls(note)) return err('it has control characters in it');
  const end = note.lastIndexOf('\n\n');
  if (end === -1 || !note.endsWith('\n')) return err('it is not signed');
  const lines = note.slice(end + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) return err(`it has more than ${MOST_SIGNATURES} signatures`);
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignature(line);
    if (signature === null) return err('a line of its signatures is not as it should be');
    signatures.push(signature);
  }
  return ok({ text: note.slice(0, end + 1), signatures });
}

/** Whether a key signed the note: null where no signature says that it is by this key under this name. */
export function isSignedBy(note: Note, name: string, raw: Uint8Array): boolean | null {
  const id = keyId(name, raw);
  const own = note.signatures.filter((signature) => signature.name === name && signature.key_id === id);
  if (own.length === 0) return null;
  return own.every(({ signature }) => verifyEd25519(raw, utf8(note.text), signature));
}

/** Text of a file of notes; null where it is none. Of a character whose last bytes are missing at the end, as a crash leaves it, nothing is read. */
export function noteFileText(bytes: Uint8Array): string | null {
  for (let missing = 0; missing < MOST_CHARACTER_BYTES; missing += 1) {
    const text = utf8Text(bytes.subarray(0, Math.max(0, bytes.length - missing)));
    if (text !== undefined) return text;
  }
  return null;
}

/**
 * The notes of a file, in its order, each as its whole text. What is left at the end is no whole note: whoever wrote it did not come to
 * an end, or writes it now.
 */
export function splitNotes(text: string): { readonly notes: readonly string[]; readonly rest: string } {
  const notes: string[] = [];
  let begin = 0;
  while (begin < text.length) {
    const end = endOfNote(text, begin);
    if (end === null) return { notes, rest: text.slice(begin) };
    notes.push(text.slice(begin, end));
    begin = text.startsWith('\n', end) ? end + 1 : end;
  }
  return { notes, rest: '' };
}

/** Behind the last signature line of the note that begins here; null where it has none, or the last line no end. */
function endOfNote(text: string, begin: number): number | null {
  const empty = text.indexOf('\n\n', begin);
  if (empty === -1) return null;
  let end = empty + 2;
  while (text.startsWith('— ', end)) {
    const line_end = text.indexOf('\n', end);
    if (line_end === -1) return null;
    end = line_end + 1;
  }
  // Text alone is a note that is wrong, unless its signatures may be still to come.
  return end === empty + 2 && !text.includes('\n', end) ? null : end;
}

function parseSignature(line: string): NoteSignature | null {
  const [, name, base64] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = base64 === undefined ? undefined : fromBase64(base64);
  if (name === undefined || bytes === undefined || bytes.length <= KEY_ID_BYTES) return null;
  const key_id = Buffer.from(bytes.subarray(0, KEY_ID_BYTES)).toString('hex');
  return { name, key_id, signature: bytes.subarray(KEY_ID_BYTES) };
}

/** Below U+0020, but for the line feed. */
function hasControls(text: string): boolean {
  return /[^\P{Cc}\n\u007f-\u009f]/u.test(text);
}
