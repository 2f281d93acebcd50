import type { Lock } from '../../ir/lock.ts';

/** Who wrote a field of the plan, as the lock has it. */
export interface Writer {
  /** `model NAME`, `default`, a person's name; empty where nothing is said. */
  readonly name: string;
  readonly untrusted: boolean;
}

/**
 * Who wrote the field of a JSON pointer: the nearest pointer, at or above it, that the lock knows. In a plan that a model drafted, what
 * nobody is named for is the model's.
 */
export function writerOf(lock: Lock, pointer: string): Writer {
  const { drafted } = lock;
  if (drafted === null) return { name: '', untrusted: false };
  const model = { name: `model ${drafted.model}`, untrusted: true };
  for (let at = pointer; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const found = Object.hasOwn(drafted.fields, at) ? drafted.fields[at]! : undefined;
    if (found !== undefined) return found === 'model' ? model : { name: found, untrusted: false };
  }
  return model;
}

/** ` (model NAME)`, or nothing. */
export function byWhom({ name }: Writer): string {
  return name === '' ? '' : ` (${name})`;
}
