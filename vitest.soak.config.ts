import { defineConfig } from 'vitest/config';

/** Long campaigns, run by hand; each test has its own limit. */
export default defineConfig({
  test: {
    include: ['test/soak/**/*.test.ts'],
    testTimeout: 6 * 3_600_000,
    hookTimeout: 300_000,
    retry: 0,
    fileParallelism: false,
    env: { TZ: 'UTC', NO_COLOR: '1' },
  },
});
