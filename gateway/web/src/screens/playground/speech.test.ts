import { expect, it } from "vitest";
import { rateOf, samplesOf } from "./speech.ts";

it("samples are put together across pieces", () => {
  const pieces = [Uint8Array.of(0, 0, 0), Uint8Array.of(0x40, 0x00, 0x80)];
  expect([...samplesOf(pieces)]).toEqual([0, 0.5, -1]);
  expect(samplesOf([]).length).toBe(0);
});

it("the rate is that of the media type", () => {
  expect(rateOf("audio/l16;rate=22050;channels=1")).toBe(22050);
  expect(() => rateOf("audio/wav")).toThrow("audio/wav");
});
