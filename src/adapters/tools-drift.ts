import { ExpctlError } from '../base/error.ts';

/** @param moved what is not as it was pinned, before and after; at least one sentence */
export function driftError(name: string, moved: readonly string[]): ExpctlError {
  return new ExpctlError('TOOL_DRIFT', `The tool ${name} is not the one that was pinned: ${moved.join('; ')}`, {
    hint: `If the change is wanted, pin it with \`expctl tools pin ${name}\`, then lock, review and approve again.`,
    details: { tool: name, moved },
  });
}
