// What a dropped file is, before it is sent: a text or a picture is told at once. The server decides about the rest.

type NotAudio = "text" | "image" | "pdf" | "archive";

const HEAD_BYTES = 512;
const SIGNATURES: readonly (readonly [NotAudio, readonly number[]])[] = [
  ["pdf", [0x25, 0x50, 0x44, 0x46]],
  ["image", [0x89, 0x50, 0x4e, 0x47]],
  ["image", [0xff, 0xd8, 0xff]],
  ["image", [0x47, 0x49, 0x46, 0x38]],
  ["archive", [0x50, 0x4b, 0x03, 0x04]],
  ["archive", [0x1f, 0x8b]],
];

/** Returns what a file surely is instead of a recording, undefined if it may be one. */
export async function notAudio(file: Blob): Promise<NotAudio | undefined> {
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const found = SIGNATURES.find(([, signature]) => signature.every((byte, index) => head[index] === byte));
  return found?.[0] ?? (isText(head) ? "text" : undefined);
}

// Recordings have zeros or other control characters within their first bytes.
function isText(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)) {
    return false;
  }
  try {
    // Without an end: a character may be cut off.
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
