import { isJsonObject, type Json } from '../base/json.ts';
import { quoted } from './tools-text.ts';

/** Where two values first differ, with both; null when they do not. */
export function firstDifference(
  before: Json | undefined,
  after: Json | undefined,
  path: string,
  depth = 0,
): string | null {
  if (depth < 100 && isJsonObject(before) && isJsonObject(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
      const inner = firstDifference(own(before, key), own(after, key), `${path}/${key}`, depth + 1);
      if (inner !== null) return inner;
    }
    return null;
  }
  const [was, is] = [shown(before), shown(after)];
  return was === is ? null : `${path === '' ? '' : ` at ${quoted(path)}`}: was ${quoted(was)}, is ${quoted(is)}`;
}

function own(object: { [key: string]: Json }, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function shown(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value);
  } catch {
    return 'something too deep to be written'; // a server may send any nesting that fits a message
  }
}
