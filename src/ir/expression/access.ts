import type { Meter, Source } from './operations.ts';
import { fail, finite } from './operations.ts';
import { closest } from './suggest.ts';
import type { Value } from './value.ts';
import { isList, isMap, kindOf } from './value.ts';

/** A value from outside: numbers must be finite, and -0 becomes 0. */
export function clean(value: Value | undefined, source: Source): Value {
  if (typeof value === 'number') return finite(value, source);
  return value === undefined ? fail(`\`${source()}\` has no such value.`) : value;
}

/** A map's own field: nothing is ever found by inheritance. */
export function fieldOf(container: Value, field: string, source: Source): Value {
  if (!isMap(container)) return fail(noFields(container, source));
  if (Object.hasOwn(container, field)) return clean(container[field], source);
  const near = closest(field, Object.keys(container).slice(0, 1000));
  return fail(`\`${source()}\` has no \`${field}\`.${near === undefined ? '' : ` Did you mean \`${near}\`?`}`);
}

export function noFields(value: Value, source: Source): string {
  return `\`${source()}\` is ${kindOf(value)}, which has no fields.`;
}

/** Items of a list, keys of a map, code points of a text. */
export function sizeOf(value: Value, meter: Meter, source: Source): number {
  if (isList(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  if (typeof value !== 'string')
    return fail(`\`${source()}\` needs a list, a map or text, and here is ${kindOf(value)}.`);
  meter.chargeText(value.length);
  let size = 0;
  for (const _ of value) size++;
  return size;
}
