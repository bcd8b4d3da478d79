import type { ReadonlySignal } from "@preact/signals";
import { position } from "../format/duration.ts";
import { audio } from "../strings/audio.ts";
import "./player.css";

interface SeekbarProps {
  time: ReadonlySignal<number>;
  /** The length in seconds, 0 if it is not known. */
  duration: number;
  /** What is played, for people who do not see the screen. */
  name: string;
  /** Absent while the listener may not move. */
  onSeek?: ((seconds: number) => void) | undefined;
}

/** A range input for the position, and the time beside it. */
export function Seekbar({ time, duration, name, onSeek }: SeekbarProps) {
  const at = position(time.value);
  // A clip that is shorter than a second is not shown as nothing.
  const length = position(duration ? Math.max(duration, 1) : undefined);
  return (
    <>
      <input
        type="range"
        class="seekbar"
        min={0}
        max={duration || 1}
        step={0.01}
        value={time.value}
        aria-label={audio.position(name)}
        aria-valuetext={audio.of(at, length)}
        disabled={!onSeek}
        title={onSeek || duration === 0 ? undefined : audio.locked}
        onInput={(event) => onSeek?.(event.currentTarget.valueAsNumber)}
      />
      <span class="player-time" aria-hidden="true">
        {at} / {length}
      </span>
    </>
  );
}
