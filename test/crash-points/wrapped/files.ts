import * as real from '../../../src/adapters/files/files.ts';
import { counted } from './operations.ts';

export const {
  readWhole,
  writeWhole,
  listFolder,
  exists,
  realPath,
  makeFolder,
}: Pick<typeof real, 'readWhole' | 'writeWhole' | 'listFolder' | 'exists' | 'realPath' | 'makeFolder'> = counted(
  'files',
  { ...real },
);
