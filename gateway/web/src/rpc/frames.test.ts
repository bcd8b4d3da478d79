import { expect, test } from "vitest";
import { FrameReader, frame } from "./frames.ts";

const HELLO = new TextEncoder().encode("hello");

function trailersFrame(text: string): Uint8Array {
  const framed = frame(new TextEncoder().encode(text));
  framed[0] = 0x80;
  return framed;
}

test("a frame is a flag, the length in four bytes, and the message", () => {
  expect([...frame(HELLO)]).toEqual([0, 0, 0, 0, 5, ...HELLO]);
});

test("frames are read from chunks that end anywhere", () => {
  const response = [...frame(HELLO), ...frame(new Uint8Array(0)), ...trailersFrame("grpc-status:0\r\n")];
  for (let size = 1; size <= response.length; size++) {
    const reader = new FrameReader();
    const frames = [];
    for (let at = 0; at < response.length; at += size) {
      frames.push(...reader.push(Uint8Array.from(response.slice(at, at + size))));
    }
    expect(frames.length).toBe(3);
    expect(frames[0]).toEqual({ message: HELLO });
    expect(frames[1]).toEqual({ message: new Uint8Array(0) });
    const end = frames[2];
    expect(end && "trailers" in end && end.trailers.get("grpc-status")).toBe("0");
  }
});

test("trailers keep colons in their values and allow a space before them", () => {
  const [read] = new FrameReader().push(trailersFrame("Grpc-Status: 3\r\ngrpc-message:models: too few\r\n"));
  const trailers = read && "trailers" in read ? read.trailers : undefined;
  expect(trailers?.get("grpc-status")).toBe("3");
  expect(trailers?.get("grpc-message")).toBe("models: too few");
});

test.each([
  ["HTML", new TextEncoder().encode("<!doctype html>")],
  ["a compressed frame, which was not asked for", Uint8Array.of(1, 0, 0, 0, 1, 9)],
  ["an impossible length", Uint8Array.of(0, 255, 255, 255, 255)],
])("%s is no frame", (_, bytes) => {
  expect(() => new FrameReader().push(bytes)).toThrow(RangeError);
});
