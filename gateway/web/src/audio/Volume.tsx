import { useId } from "preact/hooks";
import { percent } from "../format/number.ts";
import { audio } from "../strings/audio.ts";
import { setVolume, volume } from "./volume.ts";
import "./player.css";

/** The volume of all players. Phones have buttons for it, and some ignore what a page says. */
export function Volume() {
  const id = useId();
  return (
    <div class="volume">
      <label for={id}>{audio.volume}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={1}
        step={0.05}
        value={volume.value}
        aria-valuetext={percent(volume.value)}
        onInput={(event) => setVolume(event.currentTarget.valueAsNumber)}
      />
    </div>
  );
}
