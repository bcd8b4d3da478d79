import { useMemo } from "preact/hooks";
import { absolute } from "../format/time.ts";
import { Button } from "../parts/Button.tsx";
import { checks } from "../strings/checks.ts";
import { AudioPlayer } from "./AudioPlayer.tsx";
import { referenceNoise } from "./reference_noise.ts";
import { setup, storeSetup } from "./setup.ts";
import { useBlobUrl, usePlayer } from "./use_player.ts";
import { Volume } from "./Volume.tsx";
import { volume } from "./volume.ts";
import "./checks.css";

const texts = checks.level;

/** Sets the level once, by a noise that is as loud as the clips. */
export function LevelCheck() {
  const url = useBlobUrl(useMemo(referenceNoise, []));
  const player = usePlayer({ url, fetching: "streamed", seeking: "free" });
  const { level } = setup.value;
  const store = () => {
    player.pause();
    storeSetup({ level: { volume: volume.peek(), at: new Date().toISOString() } });
  };
  return (
    <div class="check">
      <h3>{texts.title}</h3>
      <p>{texts.text}</p>
      <AudioPlayer player={player} name={texts.noise} />
      <Volume />
      <p class="actions">
        <Button onClick={store}>{texts.done}</Button>
      </p>
      {level && <p role="status">{texts.stored(absolute(new Date(level.at)))}</p>}
    </div>
  );
}
