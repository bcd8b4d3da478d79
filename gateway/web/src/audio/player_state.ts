// The state of a player as a pure function of what happened to it. player.ts connects it to an audio element.

import type { Failure } from "./failure.ts";
import { coversAll, type Span, withSpan } from "./heard.ts";

/** `buffering`: play was pressed, or the data ran out, and no sound comes yet. */
export type Phase = "idle" | "loading" | "ready" | "buffering" | "playing" | "paused" | "ended" | "failed";

export interface PlayerState {
  readonly phase: Phase;
  /** The share of the bytes that has arrived, 0 to 1. Undefined if the size is not known. */
  readonly loaded: number | undefined;
  /** The length in seconds, 0 while it is not known. */
  readonly duration: number;
  /** Where the sound is, in seconds. */
  readonly position: number;
  /** What was played so far. */
  readonly heard: readonly Span[];
  /** Whether all of it was played to the end at least once. It stays true. */
  readonly heardInFull: boolean;
  readonly failure: Failure | undefined;
}

/** What can happen. `at` and `to` are positions in seconds. */
export type PlayerEvent =
  | { readonly type: "load" }
  | { readonly type: "progress"; readonly loaded: number | undefined }
  | { readonly type: "ready" }
  | { readonly type: "duration"; readonly seconds: number }
  | { readonly type: "play" }
  | { readonly type: "playing" }
  | { readonly type: "time"; readonly at: number }
  | { readonly type: "waiting" }
  | { readonly type: "pause" }
  | { readonly type: "seek"; readonly to: number }
  | { readonly type: "ended" }
  | { readonly type: "fail"; readonly failure: Failure };

/** Returns the state of a player that has loaded nothing. `seconds` is the length if it is known beforehand. */
export function initialState(seconds = 0): PlayerState {
  return {
    phase: "idle",
    loaded: undefined,
    duration: seconds,
    position: 0,
    heard: [],
    heardInFull: false,
    failure: undefined,
  };
}

/** Returns the state after an event. An event that makes no sense in a state changes nothing. */
export function step(state: PlayerState, event: PlayerEvent): PlayerState {
  switch (event.type) {
    case "load":
      return { ...state, phase: "loading", loaded: undefined, failure: undefined };
    case "progress":
      return state.phase === "loading" ? { ...state, loaded: event.loaded } : state;
    case "ready":
      return state.phase === "loading" ? { ...state, phase: state.position > 0 ? "paused" : "ready" } : state;
    case "duration":
      return event.seconds > 0 && Number.isFinite(event.seconds) ? { ...state, duration: event.seconds } : state;
    case "play":
      if (!canPlay(state)) {
        return state;
      }
      return { ...state, phase: "buffering", position: state.phase === "ended" ? 0 : state.position };
    case "playing":
      return state.phase === "buffering" ? { ...state, phase: "playing" } : state;
    case "time":
      return isActive(state) ? played(state, event.at) : state;
    case "waiting":
      return state.phase === "playing" ? { ...state, phase: "buffering" } : state;
    case "pause":
      return isActive(state) ? { ...state, phase: "paused" } : state;
    case "seek":
      return seeked(state, event.to);
    case "ended":
      return isActive(state) ? { ...played(state, state.duration), phase: "ended" } : state;
    case "fail":
      return { ...state, phase: "failed", failure: event.failure };
  }
}

/** Says whether the play button does something. */
export function canPlay(state: PlayerState): boolean {
  return state.phase === "ready" || state.phase === "paused" || state.phase === "ended";
}

/** Says whether play was pressed last, so that the button pauses. */
export function isActive(state: PlayerState): boolean {
  return state.phase === "playing" || state.phase === "buffering";
}

// A step back in time without a seek is the element's rounding.
function played(state: PlayerState, at: number): PlayerState {
  if (at <= state.position) {
    return at === state.duration ? withHeard(state, state.heard) : state;
  }
  return withHeard({ ...state, position: at }, withSpan(state.heard, { from: state.position, to: at }));
}

function withHeard(state: PlayerState, heard: readonly Span[]): PlayerState {
  return { ...state, heard, heardInFull: state.heardInFull || coversAll(heard, state.duration) };
}

function seeked(state: PlayerState, to: number): PlayerState {
  if (!canPlay(state) && !isActive(state)) {
    return state;
  }
  const position = Math.min(Math.max(to, 0), state.duration || to);
  const phase = isActive(state) ? state.phase : position > 0 ? "paused" : "ready";
  return { ...state, phase, position };
}
