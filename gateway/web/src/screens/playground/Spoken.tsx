import { AudioPlayer } from "../../audio/AudioPlayer.tsx";
import { Playhead } from "../../audio/Playhead.tsx";
import { useBlobUrl, usePlayer } from "../../audio/use_player.ts";
import { Waveform } from "../../audio/Waveform.tsx";
import { milliseconds } from "../../format/duration.ts";
import { Failure } from "../../parts/Failure.tsx";
import { Loading } from "../../parts/Loading.tsx";
import type { ApiError } from "../../rpc/errors.ts";
import { playground } from "../../strings/playground.ts";
import type { Speech } from "./speech.ts";

const text = playground.speak;
const HEIGHT_PX = 130;

export type SpokenState =
  | { readonly phase: "speaking" }
  | { readonly phase: "done"; readonly speech: Speech; readonly text: string }
  | { readonly phase: "silent" }
  | { readonly phase: "failed"; readonly error: ApiError };

/** What a voice said, with its waveform. It has the same height before. */
export function Spoken({
  state,
  name,
  onRetry,
}: {
  state: SpokenState | undefined;
  name: string;
  onRetry: () => void;
}) {
  switch (state?.phase) {
    case undefined:
      return <div class="playground-spoken" />;
    case "speaking":
      return <Loading heightPx={HEIGHT_PX} />;
    case "silent":
      return <p role="alert">{text.nothing}</p>;
    case "failed":
      return <Failure error={state.error} onRetry={onRetry} />;
    case "done":
      return <Done speech={state.speech} name={name} />;
  }
}

function Done({ speech, name }: { speech: Speech; name: string }) {
  const url = useBlobUrl(speech.file);
  const player = usePlayer({ url, seconds: speech.seconds, fetching: "streamed", seeking: "free" });
  return (
    <div class="playground-spoken">
      <div class="timeline">
        <Waveform peaks={speech.peaks} />
        <Playhead time={player.position} duration={speech.seconds} name={name} onSeek={(at) => player.seek(at)} />
      </div>
      <AudioPlayer player={player} name={name} />
      <p class="field-hint">{text.firstSound(milliseconds(speech.firstSoundMs))}</p>
    </div>
  );
}
