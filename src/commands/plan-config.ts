import { join } from 'node:path';
import * as z from 'zod';
import { ExpctlError } from '../base/error.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { unwrap } from '../base/result.ts';
import { readSource } from '../plan/source.ts';
import type { App } from './app.ts';
import { shownPath } from './project.ts';

/*
 * The section `planner` of the two config files. The project's may come from anyone who can change the repository, so it may say
 * which model is asked and how often, but never where a key is sent.
 */

const Rounds = z.int().min(1).max(20);
const Model = z.string().min(1).max(200);
const ProjectPlanner = z.strictObject({ model: Model.optional(), rounds: Rounds.optional() });
const UserPlanner = z.strictObject({
  ...ProjectPlanner.shape,
  base_url: z.url({ protocol: /^https?$/ }).optional(),
  max_tokens: z.int().min(256).max(200_000).optional(),
});

export type PlannerConfig = z.infer<typeof UserPlanner>;

/** What the user's and the project's config say; the project's model and rounds come first. */
export async function plannerConfig(app: App, project: string): Promise<PlannerConfig> {
  const folder = app.env['XDG_CONFIG_HOME'] ?? join(app.home, '.config');
  const user = await section(
    app,
    join(folder, 'expctl', 'config.yaml'),
    UserPlanner,
    'There are base_url, model, rounds and max_tokens.',
  );
  const why = 'A project may say model and rounds only; where a key is sent is a matter of your own config.';
  const own = await section(app, join(project, 'expctl.config.yaml'), ProjectPlanner, why);
  return { ...user, ...own };
}

async function section<T>(
  app: App,
  path: string,
  schema: z.ZodType<T>,
  hint: string,
): Promise<T | Record<never, never>> {
  if (!(await app.files.exists(path))) return {};
  const file = shownPath(app, path);
  const source = readSource(file, unwrap(await app.files.read(path)));
  if (!source.ok) {
    const { line = 1, message = 'It cannot be read.', fix = 'Correct it.' } = source.error[0] ?? {};
    throw new ExpctlError('DATA_INVALID', `${file}, line ${line}: ${message}`, { hint: fix });
  }
  const value: Json = source.value.value;
  if (!isJsonObject(value) || !Object.hasOwn(value, 'planner')) return {};
  const parsed = schema.safeParse(value['planner']);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const at = ['planner', ...issue.path.map(String)].join('.');
  throw new ExpctlError('DATA_INVALID', `${file}: ${at}: ${issue.message}.`, { hint });
}
