import { basename, join } from 'node:path';
import { fromBase64 } from '../approval/bytes.ts';
import { parseEnvelope, PAYLOAD_TYPE, preAuthenticationEncoding } from '../approval/dsse.ts';
import { trustEntry } from '../approval/public-key.ts';
import { NAMESPACES } from '../approval/signature.ts';
import { armourSshsig, isSshsig } from '../approval/sshsig.ts';
import { unwrap } from '../base/result.ts';
import type { App } from './app.ts';
import type { Gathered } from './authorised.ts';

/**
 * Writes what OpenSSH needs to check the signatures of SSH keys by itself: for each envelope the bytes that were signed (NAME.pae) and
 * its signatures (NAME.N.sig), and the people of the trust policy as `allowed_signers`. Built-in keys sign in a form of their own.
 *
 * @returns the command lines that check them
 */
export async function exportPae(app: App, folder: string, { envelopes, trust }: Gathered): Promise<string[]> {
  const write = async (name: string, bytes: Uint8Array | string) =>
    unwrap(await app.files.write(join(folder, name), bytes));
  await write('allowed_signers', allowedSigners(trust));
  const checks: string[] = [];
  for (const { path, bytes } of envelopes) {
    const name = basename(path, '.dsse.json');
    const { payloadBytes, signatures } = unwrap(parseEnvelope(bytes));
    await write(`${name}.pae`, preAuthenticationEncoding(PAYLOAD_TYPE, payloadBytes));
    for (const [at, { sig }] of signatures.entries()) {
      const blob = fromBase64(sig, { urlSafe: true });
      if (blob === undefined || !isSshsig(blob)) continue;
      await write(`${name}.${at + 1}.sig`, armourSshsig(blob));
      checks.push(checkLine(folder, name, at + 1));
    }
  }
  return checks;
}

function checkLine(folder: string, name: string, signature_no: number): string {
  const [signers, sig, pae] = ['allowed_signers', `${name}.${signature_no}.sig`, `${name}.pae`].map((file) =>
    quoted(join(folder, file)),
  );
  return `ssh-keygen -Y verify -f ${signers} -I PERSON -n ${NAMESPACES.approval} -s ${sig} < ${pae}`;
}

/** Lines of `allowed_signers` (man ssh-keygen), each for one key and for approvals alone. */
function allowedSigners({ keys, owners }: Gathered['trust']): string {
  const lines = keys.flatMap((key) => {
    const entry = trustEntry(key);
    return 'ssh' in entry ? [`${owners.get(key.fingerprint)} namespaces="${NAMESPACES.approval}" ${entry.ssh}\n`] : [];
  });
  return lines.join('');
}

/** A path as a shell reads it back. */
function quoted(path: string): string {
  return /^[\w./+@-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
