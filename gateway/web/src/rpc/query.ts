// What a screen reads: a call that is made again when its inputs change, with its old value meanwhile.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { apiKey } from "../app/keys.ts";
import { pauseMs, sleep } from "./backoff.ts";
import { transport } from "./client.ts";
import { ApiError } from "./errors.ts";

const ATTEMPTS = 3;
// A server that asks for a longer pause gets it by the hand of the person.
const MAX_RETRY_AFTER_SECONDS = 5;

export interface Query<T> {
  /** The last value. It stays while a new one is loaded, and after an error. */
  value: T | undefined;
  /** Why the last load failed. */
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
  /** Replaces the value, for example by a message of a stream. */
  set: (value: T) => void;
}

/**
 * Loads a value now, and again when one of `inputs`, the API key or the transport changes. `load` must only read, because
 * it is repeated after a failure that can pass.
 */
export function useQuery<T>(load: (signal: AbortSignal) => Promise<T>, inputs: readonly unknown[]): Query<T> {
  const state = useSignal<{ value?: T; error?: ApiError; loading: boolean }>({ loading: true });
  const round = useSignal(0);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    const aborted = new AbortController();
    state.value = { ...state.peek(), loading: true };
    loadWithRetries((signal) => latest.current(signal), aborted.signal).then(
      (value) => {
        if (!aborted.signal.aborted) {
          state.value = { value, loading: false };
        }
      },
      (error: unknown) => {
        if (!aborted.signal.aborted) {
          state.value = { value: state.peek().value, error: ApiError.from(error), loading: false };
        }
      },
    );
    return () => aborted.abort();
  }, [...inputs, apiKey.value, transport.value, round.value]);

  return {
    value: state.value.value,
    error: state.value.error,
    loading: state.value.loading,
    reload: () => {
      round.value += 1;
    },
    set: (value) => {
      state.value = { value, loading: false };
    },
  };
}

/** Calls `load` until it succeeds, at most three times. Only errors that can pass are tried again. */
export async function loadWithRetries<T>(load: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await load(signal);
    } catch (thrown) {
      const error = ApiError.from(thrown);
      const isPatient = (error.retryAfterSeconds ?? 0) <= MAX_RETRY_AFTER_SECONDS;
      if (!error.retryable || !isPatient || attempt === ATTEMPTS || signal.aborted) {
        throw error;
      }
      await sleep(pauseMs(attempt, error), signal);
      signal.throwIfAborted();
    }
  }
}
