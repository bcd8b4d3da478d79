import { expect, it } from "vitest";
import { wav } from "../../audio/wav.ts";
import { notAudio } from "./file_check.ts";

const bytes = (...values: number[]) => new Blob([Uint8Array.from(values)]);

it.each([
  ["a text", new Blob(["Grüße, this is no recording.\n"]), "text"],
  ["a text whose last character is cut off", new Blob([`${"x".repeat(511)}ü`]), "text"],
  ["JSON", new Blob(['{"a": 1}\r\n']), "text"],
  ["a PDF", bytes(0x25, 0x50, 0x44, 0x46, 0x2d, 0x00), "pdf"],
  ["a PNG", bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), "image"],
  ["an archive", bytes(0x50, 0x4b, 0x03, 0x04, 0x00), "archive"],
])("%s is told", async (_, file, kind) => {
  expect(await notAudio(file)).toBe(kind);
});

it.each([
  ["a WAV file", wav([new Float32Array(100)], 16_000)],
  ["an MP3 file", bytes(0x49, 0x44, 0x33, 0x04, 0x00, 0x00)],
  ["raw MPEG frames", bytes(0xff, 0xfb, 0x90, 0x64, 0x00)],
])("%s may be a recording", async (_, file) => {
  expect(await notAudio(file)).toBeUndefined();
});
