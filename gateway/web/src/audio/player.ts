// A player over a plain audio element. All methods that make sound are called inside the handler of a tap or a key,
// because browsers refuse play() elsewhere.

import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { failureOfFetch, failureOfPlay } from "./failure.ts";
import { diagnose, fetchSound, IDLE_SECONDS, onThisOrigin } from "./fetch_sound.ts";
import { isGone, startsAlone } from "./only_one.ts";
import { canPlay, initialState, isActive, type PlayerEvent, type PlayerState, step } from "./player_state.ts";
import { volume } from "./volume.ts";

/** A sound to play. */
export interface Source {
  readonly url: string;
  /** The length in seconds, if it is known before the sound is fetched. */
  readonly seconds?: number;
  /** `whole` fetches everything first, for clips that must not stutter. `streamed` plays while it arrives, in ranges. */
  readonly fetching: "whole" | "streamed";
  /** Whether a listener may skip before having heard all of it once. */
  readonly seeking: "free" | "after_first_play";
}

export interface Player {
  readonly state: ReadonlySignal<PlayerState>;
  /** The position in seconds, at the rate of the screen while it plays. Charts of the sound follow it. */
  readonly position: ReadonlySignal<number>;
  readonly source: Source;
  /** Fetches the sound, or enough of it to show its length. */
  load(): void;
  toggle(): void;
  play(): void;
  pause(): void;
  /** Goes to the start and stops. */
  rewind(): void;
  /** Goes to a position, if the listener may. */
  seek(seconds: number): void;
  /** Loads again after a failure, and goes on from the same position at the next play. */
  retry(): void;
  dispose(): void;
}

/** Says whether the listener may move to another position. */
export function maySeek(source: Source, state: PlayerState): boolean {
  return (source.seeking === "free" || state.heardInFull) && state.duration > 0 && (canPlay(state) || isActive(state));
}

/** Returns a player. It loads nothing yet. */
export function createPlayer(source: Source, audio: HTMLAudioElement = new Audio()): Player {
  const url = onThisOrigin(source.url);
  // There is nothing to fetch, and the Content-Security-Policy forbids to.
  const isInMemory = url.startsWith("blob:");
  const state = signal(initialState(source.seconds));
  const position = signal(0);
  const gone = new AbortController();
  let loading = new AbortController();
  let blobUrl = "";
  let frame = 0;
  let stalled: ReturnType<typeof setTimeout> | undefined;

  const happened = (event: PlayerEvent): void => {
    if (gone.signal.aborted) {
      return;
    }
    state.value = step(state.peek(), event);
    position.value = state.peek().position;
  };

  // The element's own seeks come from elsewhere, such as media keys. What they skip was not heard.
  const onSeeking = (): void => {
    const now = state.peek();
    if (Math.abs(audio.currentTime - now.position) < 0.01) {
      return;
    }
    if (maySeek(source, now)) {
      happened({ type: "seek", to: audio.currentTime });
    } else {
      audio.currentTime = now.position;
    }
  };
  const onTime = (): void => {
    if (!audio.seeking) {
      happened({ type: "time", at: audio.currentTime });
    }
  };
  const follow = (): void => {
    onTime();
    frame = isActive(state.peek()) ? requestAnimationFrame(follow) : 0;
  };
  // The browser's media keys start the element too.
  const onPlay = (): void => {
    startsAlone(player);
    happened({ type: "play" });
    frame ||= requestAnimationFrame(follow);
  };
  const onError = async (): Promise<void> => {
    if (!audio.getAttribute("src") || state.peek().phase === "failed") {
      return;
    }
    const failure = source.fetching === "whole" || isInMemory ? "format" : await diagnose(url, gone.signal);
    happened({ type: "fail", failure });
  };
  const listeners: readonly (readonly [string, () => void])[] = [
    ["loadedmetadata", () => happened({ type: "duration", seconds: audio.duration })],
    ["durationchange", () => happened({ type: "duration", seconds: audio.duration })],
    ["play", onPlay],
    ["playing", () => happened({ type: "playing" })],
    ["timeupdate", onTime],
    ["waiting", () => happened({ type: "waiting" })],
    ["seeking", onSeeking],
    ["pause", () => happened({ type: "pause" })],
    ["ended", () => happened({ type: "ended" })],
    ["error", () => void onError()],
  ];
  for (const [name, listener] of listeners) {
    audio.addEventListener(name, listener);
  }

  const stopVolume = effect(() => {
    audio.volume = volume.value;
  });
  // Nothing waits for ever: a sound that was asked for and does not come is a failure with a Retry.
  const stopStalls = effect(() => {
    clearTimeout(stalled);
    if (state.value.phase === "buffering") {
      stalled = setTimeout(() => {
        audio.pause();
        happened({ type: "fail", failure: "timeout" });
      }, IDLE_SECONDS * 1000);
    }
  });

  async function fetchWhole(): Promise<void> {
    loading.abort();
    loading = new AbortController();
    const { signal: current } = loading;
    try {
      const blob = await fetchSound(url, (loaded) => happened({ type: "progress", loaded }), current);
      URL.revokeObjectURL(blobUrl);
      blobUrl = URL.createObjectURL(blob);
      audio.src = blobUrl;
      prepare();
    } catch (error) {
      if (!current.aborted) {
        happened({ type: "fail", failure: failureOfFetch(error) });
      }
    }
  }

  function prepare(): void {
    audio.load();
    if (state.peek().position > 0) {
      audio.currentTime = state.peek().position;
    }
    happened({ type: "ready" });
  }

  const player: Player = {
    state,
    position,
    source,
    load() {
      if (state.peek().phase !== "idle" && state.peek().phase !== "failed") {
        return;
      }
      happened({ type: "load" });
      if (source.fetching === "whole" && !isInMemory) {
        audio.preload = "auto";
        void fetchWhole();
      } else {
        audio.preload = "metadata";
        audio.src = url;
        prepare();
      }
    },
    toggle() {
      if (isActive(state.peek())) {
        player.pause();
      } else {
        player.play();
      }
    },
    play() {
      if (!canPlay(state.peek())) {
        return;
      }
      if (state.peek().phase === "ended") {
        audio.currentTime = 0;
      }
      onPlay();
      audio.play().catch((error: unknown) => {
        const failure = failureOfPlay(error);
        if (failure && state.peek().phase !== "failed") {
          happened({ type: "fail", failure });
        }
      });
    },
    pause() {
      if (isActive(state.peek())) {
        onTime();
        audio.pause();
        happened({ type: "pause" });
      }
    },
    rewind() {
      player.pause();
      happened({ type: "seek", to: 0 });
      audio.currentTime = 0;
    },
    seek(seconds) {
      if (maySeek(source, state.peek())) {
        happened({ type: "seek", to: seconds });
        audio.currentTime = state.peek().position;
      }
    },
    retry() {
      player.load();
    },
    dispose() {
      player.pause();
      gone.abort();
      loading.abort();
      cancelAnimationFrame(frame);
      stopVolume();
      stopStalls();
      clearTimeout(stalled);
      for (const [name, listener] of listeners) {
        audio.removeEventListener(name, listener);
      }
      audio.removeAttribute("src");
      audio.load();
      URL.revokeObjectURL(blobUrl);
      isGone(player);
    },
  };
  return player;
}
