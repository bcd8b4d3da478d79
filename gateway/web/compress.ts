// Writes the brotli and the gzip encoding of each built file beside it, where that is smaller: `node compress.ts FOLDER`.
// The gateway sends them as they are, so it never compresses, and no answer of the API is ever compressed.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const TEXTS = new Set([".css", ".html", ".js", ".json", ".svg", ".txt", ".webmanifest"]);
// A smaller file fits into one packet anyway.
const MIN_BYTES = 1024;

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("usage: node compress.ts FOLDER");

for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  // Hidden files are about the build, and are not served.
  if (!entry.isFile() || !TEXTS.has(extname(entry.name)) || path.includes("/.vite/")) continue;
  const content = readFileSync(path);
  if (content.length < MIN_BYTES) continue;
  const brotli = brotliCompressSync(content, {
    params: { [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT },
  });
  const gzip = gzipSync(content, { level: constants.Z_BEST_COMPRESSION });
  if (brotli.length < content.length) writeFileSync(`${path}.br`, brotli);
  if (gzip.length < content.length) writeFileSync(`${path}.gz`, gzip);
}
