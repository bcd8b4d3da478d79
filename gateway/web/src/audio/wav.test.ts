import { expect, it } from "vitest";
import { wav } from "./wav.ts";

it("a WAV file states its size and rate, and clips what is too loud", async () => {
  const file = wav([new Float32Array([0, 0.5]), new Float32Array([-2, 1])], 48_000);
  const view = new DataView(await file.arrayBuffer());
  const text = (at: number) => String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
  expect([text(0), text(8), text(36)]).toEqual(["RIFF", "WAVE", "data"]);
  expect(view.getUint32(4, true)).toBe(view.byteLength - 8);
  expect(view.getUint32(24, true)).toBe(48_000);
  expect(view.getUint32(40, true)).toBe(8);
  expect([0, 1, 2, 3].map((i) => view.getInt16(44 + 2 * i, true))).toEqual([0, 16_384, -32_767, 32_767]);
  expect(file.type).toBe("audio/wav");
});

it("a WAV file of two channels has frames of four bytes", async () => {
  const view = new DataView(await wav([new Float32Array([1, -1])], 8000, 2).arrayBuffer());
  expect([view.getUint16(22, true), view.getUint32(28, true), view.getUint16(32, true)]).toEqual([2, 32_000, 4]);
});
