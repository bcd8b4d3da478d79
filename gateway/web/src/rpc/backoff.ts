import { ApiError } from "./errors.ts";

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** Returns how long to wait before attempt number `attempt`, starting at 1: doubled each time, and what the server asks. */
export function pauseMs(attempt: number, error?: unknown): number {
  const doubled = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), MAX_PAUSE_MS);
  // Many pages lose the same server at the same time, and should not come back at the same time.
  const spread = doubled * (0.75 + Math.random() / 2);
  const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
  return Math.max(spread, asked);
}

/** Waits, or returns at once when the signal is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake);
    if (signal.aborted) {
      wake();
    }
  });
}
