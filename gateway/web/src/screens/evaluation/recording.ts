// The recording of an evaluation. Its route needs the key in a header, which an audio element can't send, so the page
// fetches all of it.

import { EvaluationService } from "../../../gen/voicearena/scoring/v1/evaluation_service_pb.js";
import type { Peaks } from "../../audio/peaks.ts";
import { call, stream } from "../../rpc/client.ts";
import { readFile } from "../../rpc/file.ts";

const FULL_SCALE = 127;
/** Reading the outline of a recording of hours takes longer than other calls. */
const PEAKS_TIMEOUT_MS = 120_000;

/** Returns the bytes of the recording. Throws ApiError. */
export function fetchRecording(id: string, signal: AbortSignal): Promise<Blob> {
  return readFile(stream(EvaluationService.method.getEvaluationAudio, { id }, { signal }));
}

/** Returns the outline of the recording. Throws ApiError. */
export async function fetchPeaks(id: string, signal: AbortSignal): Promise<Peaks> {
  const found = await call(
    EvaluationService.method.getEvaluationPeaks,
    { id },
    { signal, timeoutMs: PEAKS_TIMEOUT_MS },
  );
  return {
    low: Float32Array.from(found.low, (sample) => sample / FULL_SCALE),
    high: Float32Array.from(found.high, (sample) => sample / FULL_SCALE),
  };
}
