// A process id alone names nobody: ids are used again. With its start time and the machine's boot it does.
import { readFileSync } from 'node:fs';

/** `{pid, since}` of a living process, or undefined. Where there is no /proc, `since` is empty and the id must do. */
export function stampOf(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return undefined;
  }
  if (process.platform !== 'linux') return { pid, since: '' };
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; state is field 3, start time in ticks after boot is field 22 (man 5 proc).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined; // ended, and nobody has asked how
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { pid, since: `${boot}/${fields[19]}` };
  } catch {
    return undefined;
  }
}

export function isAlive(stamp) {
  return stamp !== undefined && stampOf(stamp.pid)?.since === stamp.since;
}
