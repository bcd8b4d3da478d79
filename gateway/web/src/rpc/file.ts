// Files that the API streams in pieces. The first piece has the type of the file.

interface Piece {
  contentType: string;
  data: Uint8Array;
}

/** Reads a file to its end. `onReceived` is called with its size so far after each piece. Throws what `pieces` throws. */
export async function readFile(pieces: AsyncIterable<Piece>, onReceived?: (bytes: number) => void): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let type = "";
  let bytes = 0;
  for await (const piece of pieces) {
    type ||= piece.contentType;
    parts.push(piece.data as Uint8Array<ArrayBuffer>);
    bytes += piece.data.length;
    onReceived?.(bytes);
  }
  return new Blob(parts, { type });
}
