/** Version of the lock's format. An older expctl refuses a newer one. */
export const LOCK_FORMAT = 1;
