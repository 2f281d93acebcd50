import { err, ok, type Result } from '../base/result.ts';

/** One record and the line of the file on which it begins, from 1. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** Why a text is no CSV. */
export interface CsvProblem {
  readonly line: number;
  readonly message: string;
}

const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Reads CSV strictly: commas, CRLF or LF, fields in double quotes with "" for a quote. Every record has as many fields as the
 * first; blank lines, quotes inside unquoted fields and text behind a closing quote are refused.
 *
 * Source: RFC 4180, section 2.
 */
export function parseCsv(bytes: Uint8Array): Result<CsvRecord[], CsvProblem> {
  if (bytes.length > MAX_BYTES) return err({ line: 1, message: `The file has more than ${MAX_BYTES} bytes.` });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return err({ line: 1, message: 'The file is not UTF-8.' });
  }
  const records: CsvRecord[] = [];
  const reader = new CsvReader(text);
  while (!reader.atEnd) {
    const record = reader.readRecord();
    if (!record.ok) return record;
    const expected = records[0]?.fields.length ?? record.value.fields.length;
    if (record.value.fields.length !== expected) {
      const message = `The row has ${record.value.fields.length} fields, the header has ${expected}.`;
      return err({ line: record.value.line, message });
    }
    records.push(record.value);
  }
  return records.length === 0 ? err({ line: 1, message: 'The file is empty.' }) : ok(records);
}

class CsvReader {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  readRecord(): Result<CsvRecord, CsvProblem> {
    const line = this.#line;
    const fields: string[] = [];
    for (;;) {
      const field = this.#text[this.#at] === '"' ? this.#quoted() : this.#plain();
      if (!field.ok) return field;
      fields.push(field.value);
      if (this.#text[this.#at] === ',') this.#at += 1;
      else break;
    }
    if (!this.#endLine()) return this.#fail('Text follows a closing quote.');
    if (fields.length === 1 && fields[0] === '') return err({ line, message: 'The line is blank.' });
    return ok({ line, fields });
  }

  #plain(): Result<string, CsvProblem> {
    const start = this.#at;
    while (!this.atEnd && !',\r\n'.includes(this.#text[this.#at]!)) {
      if (this.#text[this.#at] === '"') return this.#fail('A quote stands inside a field without quotes.');
      this.#at += 1;
    }
    return ok(this.#text.slice(start, this.#at));
  }

  #quoted(): Result<string, CsvProblem> {
    let value = '';
    for (this.#at += 1; ; this.#at += 1) {
      if (this.atEnd) return this.#fail('A quoted field does not end.');
      const character = this.#text[this.#at]!;
      if (character === '\n') this.#line += 1;
      if (character !== '"') {
        value += character;
      } else if (this.#text[this.#at + 1] === '"') {
        value += '"';
        this.#at += 1;
      } else {
        this.#at += 1;
        return ok(value);
      }
    }
  }

  #endLine(): boolean {
    if (this.#text[this.#at] === '\r' && this.#text[this.#at + 1] === '\n') this.#at += 1;
    if (!this.atEnd && this.#text[this.#at] !== '\n') return false;
    this.#at += 1;
    this.#line += 1;
    return true;
  }

  #fail(message: string): Result<never, CsvProblem> {
    return err({ line: this.#line, message });
  }
}
