import * as real from '../../../src/adapters/files/append.ts';
import { counted } from './operations.ts';

export const { appendWhole }: Pick<typeof real, 'appendWhole'> = counted('files', { ...real });
