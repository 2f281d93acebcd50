import { connect } from 'node:net';

const DEFAULT_PORT = 7233;

/**
 * Why nobody listens at an address of this machine, at once where gRPC would go on trying; null if somebody does. Of other machines
 * nothing is said: the way there may lead through a proxy.
 */
export function unanswered(address: string, timeout_s: number): Promise<string | null> {
  const found = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::(\d{1,5}))?$/.exec(address);
  const port = Number(found?.[2] ?? DEFAULT_PORT);
  if (found === null || port > 65_535) return Promise.resolve(null);
  return new Promise((resolve) => {
    const socket = connect({ host: found[1]!.replace(/[[\]]/g, ''), port });
    const end = (why: string | null): void => {
      socket.destroy();
      resolve(why);
    };
    socket.setTimeout(timeout_s * 1000, () => end(`it has not answered within ${timeout_s} s`));
    socket.once('connect', () => end(null));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const refused = error.code === 'ECONNREFUSED' || error.code === undefined; // an aggregate of several has no code
      end(refused ? 'nothing listens there' : error.message);
    });
  });
}
