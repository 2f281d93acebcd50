import * as z from 'zod';

/** The schema behind optional, nullable and default wrappers. */
export function innerSchema(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return innerSchema(schema.def.innerType);
  }
  return schema;
}

/** The schema of a member or item; undefined where the schema knows none. */
export function memberSchema(schema: z.core.$ZodType, key: string | number): z.core.$ZodType | undefined {
  const inner = innerSchema(schema);
  if (inner instanceof z.ZodObject) {
    const shape: Readonly<Record<string, z.core.$ZodType>> = inner.shape;
    return Object.hasOwn(shape, key) ? shape[key] : undefined;
  }
  if (inner instanceof z.ZodRecord) return inner.def.valueType;
  if (inner instanceof z.ZodArray) return inner.def.element;
  if (inner instanceof z.ZodTuple) return inner.def.items[Number(key)];
  return undefined;
}

/** The schema at a path from the root. */
export function schemaAt(root: z.core.$ZodType, path: readonly PropertyKey[]): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType | undefined = root;
  for (const key of path) {
    if (schema === undefined || typeof key === 'symbol') return undefined;
    schema = memberSchema(schema, key);
  }
  return schema === undefined ? undefined : innerSchema(schema);
}

/** The keys that an object schema knows. */
export function knownKeys(schema: z.core.$ZodType | undefined): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}
