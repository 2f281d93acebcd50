import * as real from '../../../src/adapters/tools.ts';
import { ok, type Result } from '../../../src/base/result.ts';
import type { ToolSession } from '../../../src/engines/ports.ts';
import { counted } from './operations.ts';
import { planted } from './planted.ts';

export function createTools(...args: Parameters<typeof real.createTools>): ReturnType<typeof real.createTools> {
  return counted('tools', real.createTools(...args), {
    open: async (opened) => {
      const session = await (opened as Promise<Result<ToolSession>>);
      return session.ok ? ok(counted('tool', planted.session(session.value))) : session;
    },
  });
}
