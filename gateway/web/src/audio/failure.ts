// Why a sound can't be played. Each kind has a sentence in strings/audio.ts.

/** `blocked`: the browser refused to play without a tap. `busy`: the server asks to come back later. */
export type Failure = "not_found" | "expired" | "format" | "network" | "blocked" | "timeout" | "busy" | "server";

/** An error of which the kind is known. */
export class SoundError extends Error {
  readonly kind: Failure;

  constructor(kind: Failure) {
    super(kind);
    this.name = "SoundError";
    this.kind = kind;
  }
}

/** Returns what an HTTP status says about a sound, or undefined if the response has it. */
export function failureOfStatus(status: number): Failure | undefined {
  if (status >= 200 && status < 300) {
    return undefined;
  }
  if (status === 401 || status === 403) {
    // The link is the permission, so a refusal means that it is no longer valid.
    return "expired";
  }
  if (status === 404 || status === 410) {
    return "not_found";
  }
  return status === 429 || status === 503 ? "busy" : "server";
}

/** Returns what a rejected play() means. Undefined if it was only interrupted by pause() or by another source. */
export function failureOfPlay(error: unknown): Failure | undefined {
  const name = error instanceof Error ? error.name : "";
  if (name === "AbortError") {
    return undefined;
  }
  return name === "NotAllowedError" ? "blocked" : "format";
}

/** Returns the kind of an error of `fetchSound`. Whatever else fetch throws means that the server can't be reached. */
export function failureOfFetch(error: unknown): Failure {
  return error instanceof SoundError ? error.kind : "network";
}
