import { describe, expect, it } from "vitest";
import { failureOfMicrophone, unableToRecord } from "./recorder.ts";

describe("a recorder", () => {
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
