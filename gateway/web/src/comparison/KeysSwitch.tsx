import { useId } from "preact/hooks";
import { comparison as texts } from "../strings/comparison.ts";
import "../parts/field.css";
import { keysOn, setKeysOn } from "./keys.ts";

/** Switches the single keys on and off. */
export function KeysSwitch() {
  const id = useId();
  return (
    <div class="keys-switch">
      <label class="choice">
        <input
          type="checkbox"
          checked={keysOn.value}
          aria-describedby={id}
          onChange={(event) => setKeysOn(event.currentTarget.checked)}
        />
        {texts.keys}
      </label>
      <span id={id} class="votes-hint">
        {texts.keysHint}
      </span>
    </div>
  );
}
