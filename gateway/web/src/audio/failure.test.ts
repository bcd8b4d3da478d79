import { describe, expect, it } from "vitest";
import { failureOfFetch, failureOfPlay, failureOfStatus, SoundError } from "./failure.ts";

describe("what went wrong with a sound", () => {
  it.each([
    [200, undefined],
    [206, undefined],
    [401, "expired"],
    [403, "expired"],
    [404, "not_found"],
    [410, "not_found"],
    [429, "busy"],
    [500, "server"],
    [503, "busy"],
  ])("is read from the status %i", (status, kind) => {
    expect(failureOfStatus(status)).toBe(kind);
  });

  it.each([
    ["NotAllowedError", "blocked"],
    ["NotSupportedError", "format"],
    ["AbortError", undefined],
  ])("is read from a play() that is rejected with %s", (name, kind) => {
    expect(failureOfPlay(new DOMException("", name))).toBe(kind);
  });

  it("is the network if fetch itself throws", () => {
    expect(failureOfFetch(new TypeError("Failed to fetch"))).toBe("network");
    expect(failureOfFetch(new SoundError("timeout"))).toBe("timeout");
  });
});
