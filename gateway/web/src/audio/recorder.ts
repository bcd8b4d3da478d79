// Records the microphone into a WAV file. Compressed recordings would change what the metrics of quality measure, so
// the samples are taken as they come, without the browser's processing of voices.

import { type ReadonlySignal, signal } from "@preact/signals";
import captureUrl from "./capture.worklet.ts?worker&url";
import { FLOOR_DB, peakDb } from "./level.ts";
import { wav } from "./wav.ts";

/** Longer recordings are uploaded as files. Five minutes are 29 MB at 48 kHz, under the default limit of uploads. */
export const MAX_RECORDING_SECONDS = 300;

/** Why there is no recording. Each has a sentence in strings/recorder.ts. */
export type RecorderFailure = "refused" | "no_device" | "in_use" | "unsupported" | "insecure" | "not_loaded" | "lost";

export type RecorderState =
  | { readonly phase: "idle" }
  | { readonly phase: "asking" }
  | { readonly phase: "recording" }
  | { readonly phase: "done"; readonly file: Blob; readonly seconds: number; readonly peakDb: number }
  | { readonly phase: "failed"; readonly failure: RecorderFailure };

export interface Recorder {
  readonly state: ReadonlySignal<RecorderState>;
  /** The level of the last block in dBFS. */
  readonly level: ReadonlySignal<number>;
  readonly seconds: ReadonlySignal<number>;
  /** Asks for the microphone and records. Called inside the handler of a tap. */
  start(): Promise<void>;
  stop(): void;
  dispose(): void;
}

/** Returns why the browser can't record at all, or undefined if it can. */
export function unableToRecord(
  browser: { isSecureContext: boolean; AudioWorkletNode?: unknown; navigator: { mediaDevices?: unknown } } = window,
): RecorderFailure | undefined {
  if (!browser.isSecureContext) {
    return "insecure";
  }
  return browser.navigator.mediaDevices && browser.AudioWorkletNode ? undefined : "unsupported";
}

/** Returns what an error of getUserMedia means. */
export function failureOfMicrophone(error: unknown): RecorderFailure {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "refused";
    case "NotFoundError":
    case "OverconstrainedError":
      return "no_device";
    case "NotReadableError":
    case "AbortError":
      return "in_use";
    default:
      return "unsupported";
  }
}

/** Returns a recorder that has not asked for the microphone yet. */
export function createRecorder(): Recorder {
  const state = signal<RecorderState>({ phase: "idle" });
  const level = signal(FLOOR_DB);
  const seconds = signal(0);
  let release = (): void => undefined;
  let finish = (): void => undefined;

  async function start(): Promise<void> {
    if (state.peek().phase === "asking" || state.peek().phase === "recording") {
      return;
    }
    const unable = unableToRecord();
    if (unable) {
      state.value = { phase: "failed", failure: unable };
      return;
    }
    state.value = { phase: "asking" };
    // Made before the first wait, while the tap still counts.
    const context = new AudioContext();
    let disposed = false;
    let tracks: MediaStreamTrack[] = [];
    release = () => {
      disposed = true;
      for (const track of tracks) {
        track.stop();
      }
      if (context.state !== "closed") {
        void context.close();
      }
    };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
      tracks = stream.getTracks();
      const isLoaded = await context.audioWorklet.addModule(captureUrl).then(
        () => true,
        () => false,
      );
      if (disposed) {
        release();
        return;
      }
      if (!isLoaded) {
        release();
        state.value = { phase: "failed", failure: "not_loaded" };
        return;
      }
      record(context, stream);
    } catch (error) {
      release();
      state.value = { phase: "failed", failure: failureOfMicrophone(error) };
    }
  }

  function record(context: AudioContext, stream: MediaStream): void {
    const blocks: Float32Array[] = [];
    let samples = 0;
    let loudest = FLOOR_DB;
    const capture = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
    finish = () => {
      finish = () => undefined;
      capture.port.onmessage = null;
      release();
      level.value = FLOOR_DB;
      state.value =
        samples > 0
          ? { phase: "done", file: wav(blocks, context.sampleRate), seconds: seconds.peek(), peakDb: loudest }
          : { phase: "failed", failure: "lost" };
    };
    capture.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
      blocks.push(data);
      samples += data.length;
      level.value = peakDb(data);
      loudest = Math.max(loudest, level.peek());
      seconds.value = samples / context.sampleRate;
      if (seconds.peek() >= MAX_RECORDING_SECONDS) {
        finish();
      }
    };
    // A microphone that is pulled out ends the recording, and keeps what was recorded.
    for (const track of stream.getTracks()) {
      track.addEventListener("ended", () => finish());
    }
    context.createMediaStreamSource(stream).connect(capture);
    seconds.value = 0;
    state.value = { phase: "recording" };
  }

  return {
    state,
    level,
    seconds,
    start,
    stop: () => finish(),
    dispose() {
      finish = () => undefined;
      release();
    },
  };
}
