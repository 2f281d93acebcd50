import * as z from 'zod';

/** A named file `environments/NAME.yaml`: where a lock may run and with how much. Never the host, user, PATH or time. */
export const EnvironmentFile = z
  .strictObject({
    class: z.enum(['sandbox', 'production']).default('sandbox').meta({
      description: 'Policy class: the trust policy says what each kind of run needs.',
    }),
    pools: z
      .record(
        z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'a pool is named with letters, digits and _'),
        z.number().positive(),
      )
      .default({})
      .meta({ description: 'Tokens of each pool here; a plan gets the smaller of its own number and this one.' }),
  })
  .meta({ title: 'expctl environment' });

export interface Environment extends z.infer<typeof EnvironmentFile> {
  readonly name: string;
}

/** The environment of a project that has written none. */
export const LOCAL_ENVIRONMENT: Environment = { name: 'local', class: 'sandbox', pools: {} };
