import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Loading } from "../parts/Loading.tsx";
import { audio } from "../strings/audio.ts";
import { DECODED_RATE } from "./decode.ts";
import { BINS, type Spectrum } from "./spectrum.ts";
import { colourOf } from "./spectrum_colours.ts";
import "./timeline.css";

const HEIGHT_PX = 160;
const HIGHEST_KHZ = DECODED_RATE / 2000;
const LABELS_KHZ = [4, 8];

/** How strong each frequency is over time. `samples` are those of `decode`. It is computed in a worker. */
export function Spectrogram({ samples }: { samples: Float32Array }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const phase = useSignal<"computing" | "shown" | "failed">("computing");
  useEffect(() => {
    phase.value = "computing";
    const worker = new Worker(new URL("./spectrum.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Spectrum>) => {
      if (canvas.current) {
        draw(canvas.current, data);
        phase.value = "shown";
      }
      worker.terminate();
    };
    worker.onerror = () => {
      phase.value = "failed";
    };
    worker.postMessage(samples);
    return () => worker.terminate();
  }, [samples]);
  return (
    <div class="spectrogram">
      <canvas ref={canvas} role="img" aria-label={audio.spectrogram(`${HIGHEST_KHZ} kHz`)} />
      {LABELS_KHZ.map((khz) => (
        <span key={khz} class={`spectrogram-label spectrogram-label-${khz}`} aria-hidden="true">
          {khz} kHz
        </span>
      ))}
      {phase.value === "computing" && <Loading heightPx={HEIGHT_PX} />}
      {phase.value === "failed" && <p class="spectrogram-failed">{audio.spectrogramFailed}</p>}
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, { columns, values }: Spectrum): void {
  canvas.width = columns;
  canvas.height = BINS;
  const image = new ImageData(columns, BINS);
  for (let column = 0; column < columns; column++) {
    for (let bin = 0; bin < BINS; bin++) {
      const [red, green, blue] = colourOf(values[column * BINS + bin] ?? 0);
      image.data.set([red, green, blue, 255], 4 * ((BINS - 1 - bin) * columns + column));
    }
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}
