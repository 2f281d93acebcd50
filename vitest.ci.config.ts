import { defineConfig } from 'vitest/config';

/** What needs Debian packages, servers and real solvers. One file at a time: each of them starts many processes itself. */
export default defineConfig({
  test: {
    include: ['test/ci/**/*.test.ts'],
    testTimeout: 900_000,
    hookTimeout: 120_000,
    retry: 0,
    fileParallelism: false,
    env: { TZ: 'UTC', NO_COLOR: '1' },
  },
});
