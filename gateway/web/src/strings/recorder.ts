// The texts of the recorder.

import type { RecorderFailure } from "../audio/recorder.ts";

const microphone: Record<RecorderFailure, string> = {
  refused: "The browser may not use the microphone. Allow it in the settings of this site, then try again.",
  no_device: "There is no microphone. Connect one, or choose a file.",
  in_use: "The microphone can't be used now. Another program may have it.",
  unsupported: "This browser can't record. Choose a file instead.",
  insecure: "Browsers record only over https or at localhost. Choose a file instead.",
  not_loaded: "The recorder could not be loaded. Reload the page, then try again.",
  lost: "The microphone sent no sound. Check that it is connected, then try again.",
};

export const recorder = {
  microphone,
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
};
