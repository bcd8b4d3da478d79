// The texts of players.

import type { Failure } from "../audio/failure.ts";

const failures: Record<Failure, string> = {
  not_found: "This sound does not exist any more.",
  expired: "The link to this sound is no longer valid. Load the page again for a new one.",
  format: "The browser can't play this sound: the file is damaged or has a format that it does not know.",
  network: "The connection failed while the sound was loading.",
  blocked: "The browser did not allow sound. Press play again.",
  timeout: "The sound did not arrive in time. The connection may be slow or down.",
  busy: "The server is busy. Try again in a moment.",
  server: "The server could not send this sound.",
};

export const audio = {
  failures,
  retry: "Retry",
  play: (name: string) => `Play ${name}`,
  pause: (name: string) => `Pause ${name}`,
  position: (name: string) => `Position in ${name}`,
  of: (position: string, length: string) => `${position} of ${length}`,
  loading: (percent: string) => `Loading ${percent}`,
  buffering: "Waiting for sound",
  locked: "You can move within a clip once you have heard all of it.",
  volume: "Volume",
  clip: (side: "a" | "b") => `clip ${side.toUpperCase()}`,
  heard: "heard",
  notHeard: "not heard yet",
  bothLoading: "Loading both clips",
  waveform: "Waveform",
  spectrogram: (highest: string) => `Spectrogram up to ${highest}`,
  spectrogramFailed: "The spectrogram could not be computed in this browser.",
};
