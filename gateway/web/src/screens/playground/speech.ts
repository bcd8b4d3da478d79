// Speech of a voice: raw samples as they arrive, put into a WAV file with its real length.

import { SynthesizeSpeechRequest_Format as Format, TtsService } from "../../../gen/voicearena/tts/v1/tts_service_pb.js";
import { type Peaks, peaksOf } from "../../audio/peaks.ts";
import { wav } from "../../audio/wav.ts";
import { stream } from "../../rpc/client.ts";

const PEAKS = 400;
const FULL_SCALE = 32_768;

export interface Speech {
  readonly file: Blob;
  readonly seconds: number;
  readonly peaks: Peaks;
  /** From the request to the first sound, as this browser sees it. */
  readonly firstSoundMs: number;
}

export interface Wish {
  readonly text: string;
  readonly provider: string;
  readonly voiceId: string;
}

/** Returns what a voice says, undefined if it says nothing. Throws ApiError. */
export async function speak(wish: Wish, signal: AbortSignal): Promise<Speech | undefined> {
  const began = performance.now();
  const pieces: Uint8Array[] = [];
  let type = "";
  let firstSoundMs = 0;
  for await (const piece of stream(TtsService.method.synthesizeSpeech, { ...wish, format: Format.pcm }, { signal })) {
    type ||= piece.contentType;
    if (piece.data.length > 0) {
      firstSoundMs ||= performance.now() - began;
      pieces.push(piece.data);
    }
  }
  const samples = samplesOf(pieces);
  if (samples.length === 0) {
    return undefined;
  }
  const rate = rateOf(type);
  return {
    file: wav([samples], rate),
    seconds: samples.length / rate,
    peaks: peaksOf(samples, PEAKS),
    firstSoundMs,
  };
}

/** Returns the sample rate that a media type such as `audio/l16;rate=22050;channels=1` names. */
export function rateOf(mediaType: string): number {
  const rate = Number(/rate=(\d+)/.exec(mediaType)?.[1]);
  if (!rate) {
    throw new Error(`The media type has no rate: ${mediaType}`);
  }
  return rate;
}

/** Returns 16-bit little-endian samples as numbers between -1 and 1. A piece can end within a sample. */
export function samplesOf(pieces: readonly Uint8Array[]): Float32Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  const view = new DataView(bytes.buffer);
  return Float32Array.from(
    { length: Math.floor(bytes.length / 2) },
    (_, index) => view.getInt16(2 * index, true) / FULL_SCALE,
  );
}
