import { err, ok, type Result } from '../../base/result.ts';
import type { Clock } from '../../engines/ports.ts';
import type { Model, ModelWishes } from '../../planner/ports.ts';
import { modelSettings } from './settings.ts';

/** The model that will be asked. MODEL_UNAVAILABLE without a key; the SDK is loaded only where there is one. */
export async function createModel(
  wishes: ModelWishes,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
): Promise<Result<Model>> {
  const settings = modelSettings(wishes, env);
  if (!settings.ok) return err(settings.error);
  const { AnthropicModel } = await import('./model.ts');
  return ok(new AnthropicModel(settings.value, clock));
}
