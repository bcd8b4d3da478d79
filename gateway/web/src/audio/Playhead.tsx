import { effect, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { position } from "../format/duration.ts";
import { audio } from "../strings/audio.ts";
import "./timeline.css";

interface PlayheadProps {
  time: ReadonlySignal<number>;
  /** The length in seconds that the chart under it spans. */
  duration: number;
  /** What is played, for people who do not see the screen. */
  name: string;
  onSeek: (seconds: number) => void;
}

/** A line at the position of a player over a chart, and a range input as wide as the chart, so that a click or the arrow
 * keys move it. It stands in an element of the class `timeline`, after the chart. */
export function Playhead({ time, duration, name, onSeek }: PlayheadProps) {
  const line = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  // Set through the DOM at the rate of the screen, without rendering the chart again.
  useEffect(
    () =>
      effect(() => {
        const at = time.value;
        line.current?.style.setProperty("--at", String(duration > 0 ? Math.min(at / duration, 1) : 0));
        if (input.current) {
          input.current.valueAsNumber = at;
          input.current.setAttribute("aria-valuetext", audio.of(position(at), position(duration)));
        }
      }),
    [time, duration],
  );
  return (
    <>
      <div class="playhead" ref={line} />
      <input
        ref={input}
        type="range"
        class="playhead-input"
        min={0}
        max={duration || 1}
        step={0.01}
        aria-label={audio.position(name)}
        onInput={(event) => onSeek(event.currentTarget.valueAsNumber)}
      />
    </>
  );
}
