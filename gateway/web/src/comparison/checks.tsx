import { HeadphoneCheck } from "../audio/HeadphoneCheck.tsx";
import { LevelCheck } from "../audio/LevelCheck.tsx";

/** The checks of the level and of the headphones. */
export function Checks() {
  return (
    <div class="checks">
      <LevelCheck />
      <HeadphoneCheck />
    </div>
  );
}
