// Live screens. A tab has one stream at a time, because a browser opens only six connections to an address over
// HTTP/1.1. The stream is closed while the tab is hidden, opened again after a drop, and replaced by polling while it
// can't be had.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { apiKey } from "../app/keys.ts";
import { pauseMs, sleep } from "./backoff.ts";
import { transport } from "./client.ts";
import { ApiError, Code } from "./errors.ts";

// Several times the interval of the server's heartbeats. A connection that is dead without a sign is noticed by this.
const MAX_SILENCE_MS = 45_000;
const POLL_INTERVAL_MS = 5_000;
const FAILURES_BEFORE_POLLING = 3;

export type LivePhase = "connecting" | "live" | "polling" | "paused" | "ended" | "failed";

export interface LiveSource<T> {
  /** Opens the stream. Its first message is the current state. */
  open: (signal: AbortSignal) => AsyncIterable<T>;
  /** Returns the current state as a message of the stream. */
  poll?: (signal: AbortSignal) => Promise<T>;
  onMessage: (message: T) => void;
  /** Whether nothing follows this message. */
  isEnd?: (message: T) => boolean;
}

// The stream of this tab. A newer screen takes it over, and the older one polls until it is free.
let holder: AbortController | undefined;

type Outcome = "end" | "dropped" | "displaced" | "hidden";

/** Follows a source until the signal is aborted, the source ends, or an error comes that waiting does not cure. */
export async function follow<T>(
  source: LiveSource<T>,
  onPhase: (phase: LivePhase, error?: ApiError) => void,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let isDisplaced = false;
  onPhase("connecting");
  while (!signal.aborted) {
    if (document.visibilityState === "hidden") {
      onPhase("paused");
      await untilVisible(signal);
      continue;
    }
    isDisplaced &&= holder !== undefined;
    let error: ApiError | undefined;
    try {
      if (source.poll && (isDisplaced || failures >= FAILURES_BEFORE_POLLING)) {
        const message = await source.poll(signal);
        onPhase("polling");
        source.onMessage(message);
        if (source.isEnd?.(message)) {
          onPhase("ended");
          return;
        }
        // After each poll that succeeds, the stream is tried once.
        failures = Math.min(failures, FAILURES_BEFORE_POLLING - 1);
        await sleep(POLL_INTERVAL_MS, signal);
        continue;
      }
      if (isDisplaced) {
        await sleep(POLL_INTERVAL_MS, signal);
        continue;
      }
      const outcome = await readStream(source, signal, () => {
        failures = 0;
        onPhase("live");
      });
      if (outcome === "end") {
        onPhase("ended");
        return;
      }
      isDisplaced = outcome === "displaced";
      if (outcome !== "dropped") {
        continue;
      }
      onPhase("connecting");
    } catch (thrown) {
      if (signal.aborted) {
        return;
      }
      error = ApiError.from(thrown);
      // A poll that is late says nothing about the next one.
      const canPass = error.retryable || error.code === Code.DEADLINE_EXCEEDED;
      onPhase(canPass ? "connecting" : "failed", error);
      if (!canPass) {
        return;
      }
    }
    failures += 1;
    await sleep(pauseMs(failures, error), signal);
  }
}

/** Reads the stream, and returns why it is not read any more. */
async function readStream<T>(source: LiveSource<T>, signal: AbortSignal, onAlive: () => void): Promise<Outcome> {
  const reading = new AbortController();
  const close = (outcome: Outcome) => reading.abort(outcome);
  const closeAtEnd = () => close("end");
  const closeWhenHidden = () => document.visibilityState === "hidden" && close("hidden");
  let silence: ReturnType<typeof setTimeout> | undefined;
  const waitForSign = () => {
    clearTimeout(silence);
    silence = setTimeout(close, MAX_SILENCE_MS, "dropped");
  };
  holder?.abort("displaced");
  holder = reading;
  signal.addEventListener("abort", closeAtEnd);
  document.addEventListener("visibilitychange", closeWhenHidden);
  waitForSign();
  try {
    for await (const message of source.open(reading.signal)) {
      waitForSign();
      onAlive();
      source.onMessage(message);
      if (source.isEnd?.(message)) {
        return "end";
      }
    }
    return "dropped";
  } catch (thrown) {
    if (reading.signal.aborted) {
      return reading.signal.reason;
    }
    throw thrown;
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", closeAtEnd);
    document.removeEventListener("visibilitychange", closeWhenHidden);
    if (holder === reading) {
      holder = undefined;
    }
  }
}

function untilVisible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (document.visibilityState === "visible" || signal.aborted) {
        document.removeEventListener("visibilitychange", check);
        signal.removeEventListener("abort", check);
        resolve();
      }
    };
    document.addEventListener("visibilitychange", check);
    signal.addEventListener("abort", check);
    check();
  });
}

/**
 * Follows a source while the component is shown, and again from the start when one of `inputs`, the API key or the
 * transport changes.
 */
export function useLive<T>(source: LiveSource<T>, inputs: readonly unknown[]): { phase: LivePhase; error?: ApiError } {
  const state = useSignal<{ phase: LivePhase; error?: ApiError }>({ phase: "connecting" });
  const latest = useRef(source);
  latest.current = source;
  useEffect(() => {
    const stopped = new AbortController();
    const { open, poll } = latest.current;
    const current: LiveSource<T> = {
      open,
      poll,
      onMessage: (message) => latest.current.onMessage(message),
      isEnd: (message) => latest.current.isEnd?.(message) ?? false,
    };
    follow(
      current,
      (phase, error) => {
        state.value = { phase, error };
      },
      stopped.signal,
    );
    return () => stopped.abort();
  }, [...inputs, apiKey.value, transport.value]);
  return state.value;
}
