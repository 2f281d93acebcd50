import * as real from '../../../src/adapters/sqlite/reader.ts';
import { ok, type Result } from '../../../src/base/result.ts';
import type { JournalReader } from '../../../src/engines/ports.ts';
import { counted } from './operations.ts';

export function openReader(...args: Parameters<typeof real.openReader>): Result<JournalReader> {
  const opened = real.openReader(...args);
  return opened.ok ? ok(counted('reader', opened.value)) : opened;
}
