import { afterEach, describe, expect, it, vi } from "vitest";
import { createRecorder, failureOfMicrophone, unableToRecord } from "./recorder.ts";

/** What createRecorder uses of a browser whose capture worklet does not load. */
function browserWithoutWorklet(loading: Promise<void>) {
  const stop = vi.fn();
  const mediaDevices = { getUserMedia: () => Promise.resolve({ getTracks: () => [{ stop }] }) };
  vi.stubGlobal("window", { isSecureContext: true, AudioWorkletNode: class {}, navigator: { mediaDevices } });
  vi.stubGlobal("navigator", { mediaDevices });
  vi.stubGlobal(
    "AudioContext",
    class {
      audioWorklet = { addModule: () => loading };
      close = () => Promise.resolve();
    },
  );
  return stop;
}

describe("a recorder", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("releases the microphone and says so if its worklet does not load", async () => {
    const stop = browserWithoutWorklet(Promise.reject(new DOMException("", "AbortError")));
    const recorder = createRecorder();
    await recorder.start();
    expect(recorder.state.value).toEqual({ phase: "failed", failure: "not_loaded" });
    expect(stop).toHaveBeenCalled();
  });

  it("has no failure if it is disposed while its worklet is loaded", async () => {
    let fail: (error: Error) => void = () => undefined;
    browserWithoutWorklet(new Promise((_, reject) => (fail = reject)));
    const recorder = createRecorder();
    const started = recorder.start();
    recorder.dispose();
    fail(new Error("The context is closed"));
    await started;
    expect(recorder.state.value).toEqual({ phase: "asking" });
  });

  it.each([
    ["NotAllowedError", "refused"],
    ["NotFoundError", "no_device"],
    ["NotReadableError", "in_use"],
    ["TypeError", "unsupported"],
  ])("says what %s means", (name, failure) => {
    expect(failureOfMicrophone(new DOMException("", name))).toBe(failure);
  });

  it("says that a page without encryption can't record, and that an old browser can't", () => {
    const able = { isSecureContext: true, AudioWorkletNode: class {}, navigator: { mediaDevices: {} } };
    expect(unableToRecord(able)).toBeUndefined();
    expect(unableToRecord({ ...able, isSecureContext: false })).toBe("insecure");
    expect(unableToRecord({ ...able, navigator: {} })).toBe("unsupported");
    expect(unableToRecord({ ...able, AudioWorkletNode: undefined })).toBe("unsupported");
  });
});
