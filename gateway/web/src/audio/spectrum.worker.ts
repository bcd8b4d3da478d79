// Computes a spectrogram outside the page's thread, so that the page stays responsive.

import { spectrumOf } from "./spectrum.ts";

addEventListener("message", ({ data }: MessageEvent<Float32Array>) => {
  const spectrum = spectrumOf(data);
  postMessage(spectrum, { transfer: [spectrum.values.buffer] });
});
