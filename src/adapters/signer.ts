import { builtInSigner, type Signer } from '../approval/signer.ts';
import { err, type Result } from '../base/result.ts';
import { readWhole } from './files/files.ts';
import { sshSigner } from './ssh/ssh-keygen.ts';

/** A built-in key where the file holds one, else an SSH key. @param notice what ssh-keygen says while it works */
export async function signerOf(key_path: string, notice: (text: string) => void): Promise<Result<Signer>> {
  const bytes = await readWhole(key_path);
  if (!bytes.ok) return err(bytes.error);
  const text = new TextDecoder().decode(bytes.value);
  return text.includes('-----BEGIN PRIVATE KEY-----') ? builtInSigner(text) : sshSigner({ key_path, notice });
}
