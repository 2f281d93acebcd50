import { APIConnectionError, APIError } from '@anthropic-ai/sdk';
import { ExpctlError } from '../../base/error.ts';

/** The stream ended, or fell silent, before the answer was complete. */
export class StreamCut extends Error {}

/** Attempts in all, the first included. */
export const ATTEMPTS = 5;
const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 30;
/** A server that asks for more than this is not waited for. */
const LONGEST_RETRY_AFTER_S = 300;

/** Why a failure may pass, in a few words; null where it will not. */
export function passingReason(error: unknown): string | null {
  if (error instanceof StreamCut) return error.message;
  if (error instanceof APIConnectionError) return 'the connection failed';
  if (!(error instanceof APIError)) return null;
  const status = error.status as number | undefined;
  if (status === undefined) return isPassingType(error.type) ? `the model reports ${error.type}` : null;
  if (status === 429) return 'too many requests (429)';
  if (status === 529) return 'the model is overloaded (529)';
  return status === 408 || status === 409 || status >= 500 ? `the model's server answered ${status}` : null;
}

/** The type of an error that comes in the middle of a stream, where there is no status. */
function isPassingType(type: string | null): boolean {
  return type === 'overloaded_error' || type === 'api_error' || type === 'rate_limit_error' || type === 'timeout_error';
}

/**
 * Seconds to wait before the next attempt: what the server asks for, else doubling from 1 s to 30 s.
 *
 * @param attempt the one that failed, from 1
 * @returns null where the server asks for more than a person would wait
 */
export function waitBefore(attempt: number, error: unknown, now_ms: number): number | null {
  const asked = error instanceof APIError ? retryAfter(error.headers as Headers | undefined, now_ms) : null;
  if (asked !== null) return asked <= LONGEST_RETRY_AFTER_S ? asked : null;
  return Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1));
}

/** Seconds, of `retry-after-ms` or `retry-after` (RFC 9110, section 10.2.3: seconds, or a date). */
function retryAfter(headers: Headers | undefined, now_ms: number): number | null {
  const milliseconds = Number(headers?.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(milliseconds) && milliseconds >= 0) return milliseconds / 1000;
  const text = headers?.get('retry-after');
  if (text === null || text === undefined || text.trim() === '') return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, (date - now_ms) / 1000);
}

/** Some models take no forced tool: then the tool is offered, and prose goes to repair. */
export function refusesForcedTool(error: unknown): boolean {
  return error instanceof APIError && error.status === 400 && /tool_choice/.test(error.message);
}

const WITHOUT_A_MODEL = 'Without a model: `expctl init`.';

/** What a failure means for the person. Its text holds what the server said, and never a header. */
export function modelFailure(error: unknown, settings: { readonly model: string; readonly host: string }): ExpctlError {
  const { model, host } = settings;
  const status = error instanceof APIError ? (error.status as number | undefined) : undefined;
  const said = error instanceof APIError ? (error.apiMessage ?? error.message) : (error as Error).message;
  const make = (message: string, hint: string) =>
    new ExpctlError('MODEL_UNAVAILABLE', message, {
      hint: `${hint} ${WITHOUT_A_MODEL}`,
      details: { status, model, host },
    });
  if (status === 401 || status === 403) {
    const hint = 'Look at ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN), and at ANTHROPIC_BASE_URL.';
    return make(`${host} does not accept the key (${status}): ${said}`, hint);
  }
  if (status === 404)
    return make(`${host} knows no model \`${model}\` (404): ${said}`, 'Name another one: --model NAME.');
  if (status === 400 || status === 413 || status === 422) {
    return make(
      `${host} refuses the request (${status}): ${said}`,
      'Try another model (--model NAME), or pin fewer calls.',
    );
  }
  const reason = passingReason(error);
  const what = reason === null ? said : `${reason}, and ${ATTEMPTS} attempts did not help`;
  return make(`The language model at ${host} cannot be used: ${what}.`, 'Try again later.');
}

export function interrupted(): ExpctlError {
  const hint = 'Call `expctl plan` again.';
  return new ExpctlError('MODEL_UNAVAILABLE', 'The request to the model was interrupted.', { hint });
}
