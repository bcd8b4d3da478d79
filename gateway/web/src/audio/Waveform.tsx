import { audio } from "../strings/audio.ts";
import { outline, type Peaks } from "./peaks.ts";
import "./timeline.css";

/** The outline of a sound. */
export function Waveform({ peaks }: { peaks: Peaks }) {
  return (
    <svg
      class="waveform"
      viewBox={`0 0 ${Math.max(peaks.high.length, 1)} 2`}
      preserveAspectRatio="none"
      role="img"
      aria-label={audio.waveform}
    >
      <path d={outline(peaks)} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
