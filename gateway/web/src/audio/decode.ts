// Decodes a sound to samples, for its waveform and spectrogram. It needs no gesture, because it plays nothing.

import { SoundError } from "./failure.ts";

/** The highest frequency of a spectrogram is half of it. Speech has little above 12 kHz. */
export const DECODED_RATE = 24_000;
/** A longer sound would need more memory than a phone gives to a page: ten minutes are 58 MB for each channel. */
export const MAX_DECODED_SECONDS = 600;

/** Returns the mean of the channels of a sound at DECODED_RATE. Throws a SoundError if it can't be decoded. */
export async function decode(file: Blob): Promise<Float32Array<ArrayBuffer>> {
  const context = new OfflineAudioContext(1, 1, DECODED_RATE);
  let decoded: AudioBuffer;
  try {
    decoded = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new SoundError("format");
  }
  const mono = decoded.getChannelData(0);
  for (let channel = 1; channel < decoded.numberOfChannels; channel++) {
    const samples = decoded.getChannelData(channel);
    for (let i = 0; i < mono.length; i++) {
      mono[i] = (mono[i] as number) + (samples[i] as number);
    }
  }
  if (decoded.numberOfChannels > 1) {
    for (let i = 0; i < mono.length; i++) {
      mono[i] = (mono[i] as number) / decoded.numberOfChannels;
    }
  }
  return mono;
}
