// What a screen reads: a call that is made again when its inputs change.

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
  /**
   * The value for the present inputs and key, undefined until it is loaded. It stays while it is loaded again, and after
   * an error.
   */
  value: T | undefined;
  /** Why the last load failed. */
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
  /** Replaces the value, for example by a message of a stream. */
  set: (value: T) => void;
}

interface State<T> {
  /** Which inputs and which key the rest belongs to. */
  of: string;
  key: string | undefined;
  value?: T;
  error?: ApiError;
  loading: boolean;
}

/**
 * Loads a value now, and again when one of `inputs`, the API key or the transport changes. `inputs` can be written as
 * JSON, apart from bigints. `load` must only read, because it is repeated after a failure that can pass. With `keep`, the
 * value for other inputs stays until the new one is loaded. What another key has read never stays.
 */
export function useQuery<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
  { keep = false }: { keep?: boolean } = {},
): Query<T> {
  const key = apiKey.value;
  const of = textOf([...inputs, key]);
  const state = useSignal<State<T>>({ of, key, loading: true });
  const round = useSignal(0);
  const latest = useRef(load);
  latest.current = load;
  const present = useRef(of);
  present.current = of;
  const own = stateFor(state.value, of, key, keep);

  useEffect(() => {
    const aborted = new AbortController();
    state.value = { ...stateFor(state.peek(), of, key, keep), loading: true };
    loadWithRetries((signal) => latest.current(signal), aborted.signal).then(
      (value) => {
        if (!aborted.signal.aborted) {
          state.value = { of, key, value, loading: false };
        }
      },
      (error: unknown) => {
        if (!aborted.signal.aborted) {
          state.value = { ...state.peek(), error: ApiError.from(error), loading: false };
        }
      },
    );
    return () => aborted.abort();
  }, [of, transport.value, round.value]);

  return {
    value: own.value,
    error: own.error,
    loading: own.loading,
    reload: () => {
      round.value += 1;
    },
    set: (value) => {
      // An answer that comes after the inputs have changed is that of other inputs.
      if (present.current === of) {
        state.value = { of, key, value, loading: false };
      }
    },
  };
}

/** Returns what may be shown for these inputs: other inputs have nothing yet, apart from a value that is kept. */
function stateFor<T>(state: State<T>, of: string, key: string | undefined, keep: boolean): State<T> {
  if (state.of === of) {
    return state;
  }
  const kept = keep && state.key === key && state.value !== undefined ? { value: state.value } : {};
  return { of, key, ...kept, loading: true };
}

function textOf(inputs: readonly unknown[]): string {
  return JSON.stringify(inputs, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
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
