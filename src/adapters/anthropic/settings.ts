import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';
import type { ModelWishes } from '../../planner/ports.ts';

/** The model that is asked when nobody says which. */
const DEFAULT_MODEL = 'claude-sonnet-5-5';
const DEFAULT_MAX_TOKENS = 16_000;

export interface ModelSettings {
  readonly model: string;
  /** undefined: the SDK's own. */
  readonly base_url: string | undefined;
  readonly max_tokens: number;
  readonly credential: { readonly kind: 'api_key' | 'auth_token'; readonly secret: string };
}

/**
 * What will be used: the flag, then the SDK's variables (ANTHROPIC_MODEL, ANTHROPIC_BASE_URL), then the config files. A key comes from
 * ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN and from nowhere else, so that none is ever written into a file of ours.
 */
export function modelSettings(
  wishes: ModelWishes,
  env: Readonly<Record<string, string | undefined>>,
): Result<ModelSettings> {
  const variable = (name: string) => (env[name]?.trim() === '' ? undefined : env[name]?.trim());
  const key = variable('ANTHROPIC_API_KEY');
  const token = variable('ANTHROPIC_AUTH_TOKEN');
  if (key === undefined && token === undefined) return err(noKey());
  const base_url = variable('ANTHROPIC_BASE_URL') ?? wishes.base_url;
  if (base_url !== undefined && !isHttpUrl(base_url)) {
    const hint = 'Correct ANTHROPIC_BASE_URL, or `planner.base_url` in your config.';
    return err(new ExpctlError('USAGE', 'The base URL of the model is no http or https URL.', { hint }));
  }
  return ok({
    model: wishes.model ?? variable('ANTHROPIC_MODEL') ?? wishes.configured_model ?? DEFAULT_MODEL,
    base_url,
    max_tokens: wishes.max_tokens ?? DEFAULT_MAX_TOKENS,
    credential: key === undefined ? { kind: 'auth_token', secret: token! } : { kind: 'api_key', secret: key },
  });
}

function noKey(): ExpctlError {
  const hint =
    'Set ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN) to a key of yours. Without a model: `expctl init` asks you instead and writes the plan.';
  return new ExpctlError('MODEL_UNAVAILABLE', 'There is no key for the language model: ANTHROPIC_API_KEY is not set.', {
    hint,
  });
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
