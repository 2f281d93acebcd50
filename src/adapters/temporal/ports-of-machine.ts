import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';

const HOST = '127.0.0.1';

/** Whether a server may listen on a port of this machine now. */
export async function isFree(port: number): Promise<boolean> {
  return (await listened(port)) !== null;
}

/** A port that is free now: the wished one if it is, else any. */
export async function freePort(wished: number): Promise<number> {
  const port = (await listened(wished)) ?? (await listened(0));
  if (port === null) throw new Error(`no port of ${HOST} is free`);
  return port;
}

function listened(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}

/** A socket on which a process listens: its address as the kernel writes it, and its port. */
export interface Listener {
  readonly address_hex: string;
  readonly port: number;
}

/** 127.0.0.1, as proc(5) writes it on a machine whose bytes are in the usual order. */
export const LOOPBACK_HEX = '0100007F';

/**
 * Where a process listens for TCP; null where nobody can tell (other systems than Linux).
 *
 * Source: proc(5), /proc/PID/net/tcp: field 2 is the local address, field 4 the state (0A listens), field 10 the inode of the socket.
 */
export function listenersOf(pid: number): Listener[] | null {
  try {
    const files = `/proc/${pid}/fd`;
    const sockets = new Set(readdirSync(files).map((file) => linkOf(`${files}/${file}`)));
    const rows = ['tcp', 'tcp6'].flatMap((table) => tableRows(`/proc/${pid}/net/${table}`));
    return rows
      .filter((fields) => fields[3] === '0A' && sockets.has(`socket:[${fields[9]}]`))
      .map((fields) => fields[1]!.split(':'))
      .map(([address_hex, port]) => ({ address_hex: address_hex!, port: Number.parseInt(port!, 16) }));
  } catch {
    return null;
  }
}

function tableRows(file: string): string[][] {
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed since
  }
}
