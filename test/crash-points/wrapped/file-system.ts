import * as real from 'node:fs/promises';
import { counted, DEEP } from './operations.ts';

const system = DEEP ? counted('fs', { ...real }, { open: opened }) : real;

async function opened(file: unknown): Promise<real.FileHandle> {
  return counted('file', await (file as Promise<real.FileHandle>));
}

export const { access, link, lstat, mkdir, mkdtemp, open, readFile, readdir, realpath, rename, rm, stat, unlink } =
  system;
