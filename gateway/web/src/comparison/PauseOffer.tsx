import { comparison as texts } from "../strings/comparison.ts";
import { effort, needsPause } from "./pause.ts";

/** Offers a pause after twenty comparisons. It goes with the next vote. */
export function PauseOffer() {
  return needsPause(effort.value) ? (
    <p class="pause-offer" role="status">
      {texts.pause(effort.value.votes)}
    </p>
  ) : null;
}
