// Fetches all of a sound before it is played, so that nothing interrupts it and a failure has a reason. An audio element
// alone says "not supported" for a dead link, an expired one and a broken connection alike.

import { failureOfStatus, SoundError } from "./failure.ts";

/** So long without a byte means that no more will come. */
export const IDLE_SECONDS = 15;

/** Returns a URL of the mesh on the origin of this page: the server names its public address, and a visitor may have come
 * by another one, such as 127.0.0.1. Other URLs, such as those of blobs, stay as they are. */
export function onThisOrigin(url: string, page: string = location.href): string {
  const { pathname, search } = new URL(url, page);
  return pathname.startsWith("/api/") ? pathname + search : url;
}

/** Returns the bytes of a sound. Calls `onProgress` with the share that has arrived, undefined if it is not known.
 * Throws a SoundError, or what fetch throws if the server can't be reached or `signal` ends it. */
export async function fetchSound(
  url: string,
  onProgress: (loaded: number | undefined) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const idle = new AbortController();
  let timer = setTimeout(() => idle.abort(), IDLE_SECONDS * 1000);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, idle.signal]) });
    const failure = failureOfStatus(response.status);
    if (failure || !response.body) {
      throw new SoundError(failure ?? "server");
    }
    const size = Number(response.headers.get("content-length"));
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let received = 0;
    const reader = response.body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => idle.abort(), IDLE_SECONDS * 1000);
      pieces.push(read.value);
      received += read.value.length;
      onProgress(size ? Math.min(received / size, 1) : undefined);
    }
    return new Blob(pieces, { type: response.headers.get("content-type") ?? "" });
  } catch (error) {
    throw idle.signal.aborted ? new SoundError("timeout") : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Returns why an audio element could not play a URL, which its own error does not say. */
export async function diagnose(url: string, signal: AbortSignal): Promise<"format" | SoundError["kind"]> {
  try {
    const response = await fetch(url, { headers: { Range: "bytes=0-0" }, signal });
    await response.body?.cancel();
    return failureOfStatus(response.status) ?? "format";
  } catch {
    return "network";
  }
}
