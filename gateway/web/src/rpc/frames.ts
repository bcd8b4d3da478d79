// Frames of gRPC-Web: one byte of flags, four bytes of length, then a message or the trailers.

const HEADER_BYTES = 5;
const TRAILERS_FLAG = 0x80;
// A length above this is not a message of this API but something else that was read as a frame.
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

export type Frame = { message: Uint8Array } | { trailers: Headers };

/** Returns a message as one frame. */
export function frame(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const framed = new Uint8Array(HEADER_BYTES + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, HEADER_BYTES);
  return framed;
}

/** Reads frames from chunks that end anywhere. */
export class FrameReader {
  #rest = new Uint8Array(0);

  /** Returns the frames that are complete with this chunk. Throws RangeError if the bytes are no frames. */
  push(chunk: Uint8Array): Frame[] {
    let bytes = new Uint8Array(this.#rest.length + chunk.length);
    bytes.set(this.#rest);
    bytes.set(chunk, this.#rest.length);
    const frames: Frame[] = [];
    while (bytes.length >= HEADER_BYTES) {
      const flags = bytes[0] ?? 0;
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
      if ((flags !== 0 && flags !== TRAILERS_FLAG) || length > MAX_FRAME_BYTES) {
        throw new RangeError("the response has bytes that are no frame of gRPC-Web");
      }
      if (bytes.length < HEADER_BYTES + length) {
        break;
      }
      const payload = bytes.slice(HEADER_BYTES, HEADER_BYTES + length);
      frames.push(flags === TRAILERS_FLAG ? { trailers: readTrailers(payload) } : { message: payload });
      bytes = bytes.subarray(HEADER_BYTES + length);
    }
    this.#rest = bytes;
    return frames;
  }
}

function readTrailers(payload: Uint8Array): Headers {
  const trailers = new Headers();
  for (const line of new TextDecoder().decode(payload).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) {
      trailers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
    }
  }
  return trailers;
}
