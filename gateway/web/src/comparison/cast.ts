import { sleep } from "../rpc/backoff.ts";
import { ApiError } from "../rpc/errors.ts";

const MAX_TRIES = 3;
const MAX_EARLY_SECONDS = 3;
const NOT_FETCHED_SECONDS = 1;

/**
 * Casts the vote of somebody who heard both clips, and repeats it where it came a moment too early.
 *
 * The server counts from when a clip was sent, and the gateway tells it a moment later. Who answers at once can be
 * faster than that.
 */
export async function castHeard<T>(cast: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await cast();
    } catch (error) {
      const early = earlySeconds(error);
      if (tries === MAX_TRIES || !(early <= MAX_EARLY_SECONDS)) {
        throw error;
      }
      await sleep(early * 1000, new AbortController().signal);
    }
  }
}

/** By how much the vote came too early, or NaN if it was refused for another reason. */
function earlySeconds(error: unknown): number {
  const { status, wait_seconds } = error instanceof ApiError ? error.metadata : {};
  return status === "not_fetched" ? NOT_FETCHED_SECONDS : status === "not_heard" ? Number(wait_seconds) : Number.NaN;
}
