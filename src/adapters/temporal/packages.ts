import { ExpctlError } from '../../base/error.ts';
import { err, ok, type Result } from '../../base/result.ts';

/*
 * The npm packages of Temporal are optional: whoever has no use for that engine need not have them, and nothing but a command that
 * speaks with Temporal loads them.
 */

const VERSION = '1.24.0';
const PACKAGES = ['client', 'worker', 'workflow', 'activity', 'envconfig'];
const INSTALL = `npm install ${PACKAGES.map((name) => `@temporalio/${name}@${VERSION}`).join(' ')}`;

/** A package of Temporal, or what to install; what else goes wrong while it is loaded is said as it is. */
export async function temporalPackage<T>(name: string, load: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await load());
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    const is_missing = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(code);
    const why = is_missing ? 'is not installed, or not whole' : `cannot be loaded: ${String(cause)}`;
    const message = `The npm package ${name}, which the engine Temporal needs, ${why}.`;
    const hint = `Install the packages beside expctl: ${INSTALL}`;
    return err(new ExpctlError('ENGINE_UNAVAILABLE', message, { hint, cause }));
  }
}

export function temporalClient(): Promise<Result<typeof import('@temporalio/client')>> {
  return temporalPackage('@temporalio/client', () => import('@temporalio/client'));
}

export function temporalProfiles(): Promise<Result<typeof import('@temporalio/envconfig')>> {
  return temporalPackage('@temporalio/envconfig', () => import('@temporalio/envconfig'));
}
