import { hash } from 'node:crypto';

/** SHA-256 of the UTF-8 bytes of a text, as 64 lower-case hexadecimal digits. */
export function sha256Text(text: string): string {
  return hash('sha256', text);
}
