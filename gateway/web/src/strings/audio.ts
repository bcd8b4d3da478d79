// The texts of players, recorders and checks.

import type { Failure } from "../audio/failure.ts";
import type { RecorderFailure } from "../audio/recorder.ts";

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

const microphone: Record<RecorderFailure, string> = {
  refused: "The browser may not use the microphone. Allow it in the settings of this site, then try again.",
  no_device: "There is no microphone. Connect one, or choose a file.",
  in_use: "The microphone can't be used now. Another program may have it.",
  unsupported: "This browser can't record. Choose a file instead.",
  insecure: "Browsers record only over https or at localhost. Choose a file instead.",
  lost: "The microphone sent no sound. Check that it is connected, then try again.",
};

export const audio = {
  failures,
  microphone,
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
  recorder: {
    start: "Record",
    again: "Record again",
    stop: "Stop",
    asking: "The browser asks for the microphone.",
    recording: "Recording",
    level: "Level of the microphone",
    silent: "Nothing is heard. Is the right microphone chosen, and not muted?",
    clipped: "The recording is too loud and is distorted. Move away from the microphone, or lower its level.",
    recorded: (length: string) => `Recorded ${length}.`,
    limit: (length: string) => `At most ${length}. Longer recordings can be uploaded as files.`,
    name: "your recording",
  },
  level: {
    title: "Level",
    text: "Play the noise. It is about as loud as the clips. Set a level at which you would listen to speech, then leave it.",
    noise: "the noise",
    done: "This level is right",
    stored: (date: string) => `Set on ${date}.`,
  },
  headphones: {
    title: "Headphones",
    text: "Put on headphones. You hear three bursts of noise. One has a faint tone in it. Say which. There are six rounds.",
    start: "Start the check",
    again: "Repeat the check",
    round: (round: number, rounds: number) => `Round ${round} of ${rounds}`,
    bursts: "the three bursts",
    which: "Which one has the tone?",
    choice: (interval: number) => `${interval}`,
    passed: (correct: number, rounds: number) => `${correct} of ${rounds} right: each ear hears its own channel.`,
    failed: (correct: number, rounds: number) =>
      `${correct} of ${rounds} right: probably loudspeakers, or one ear only. You can vote all the same.`,
  },
};
