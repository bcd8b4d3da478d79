import { useEffect, useMemo } from "preact/hooks";
import { position } from "../format/duration.ts";
import { Button } from "../parts/Button.tsx";
import { recorder as texts } from "../strings/recorder.ts";
import { AudioPlayer } from "./AudioPlayer.tsx";
import { FLOOR_DB, meterShare } from "./level.ts";
import { createRecorder, MAX_RECORDING_SECONDS, type Recorder } from "./recorder.ts";
import { useBlobUrl, usePlayer } from "./use_player.ts";
import "./recorder.css";

/** A recording that never gets above this is probably of the wrong microphone. */
const SILENT_DB = -50;
/** Samples at full scale are cut off. */
const CLIPPED_DB = -0.1;

/** Records the microphone. `onRecorded` gets the WAV file, or undefined once another recording begins. */
export function RecorderPanel({ onRecorded }: { onRecorded: (file: Blob | undefined) => void }) {
  const recorder = useMemo(createRecorder, []);
  useEffect(() => () => recorder.dispose(), [recorder]);
  const state = recorder.state.value;
  useEffect(() => onRecorded(state.phase === "done" ? state.file : undefined), [state]);
  return (
    <div class="recorder">
      {state.phase === "recording" ? (
        <Button kind="main" onClick={recorder.stop}>
          {texts.stop}
        </Button>
      ) : (
        <Button onClick={recorder.start} busy={state.phase === "asking"}>
          {state.phase === "done" ? texts.again : texts.start}
        </Button>
      )}
      {state.phase === "idle" && <p class="player-note">{texts.limit(position(MAX_RECORDING_SECONDS))}</p>}
      {state.phase === "asking" && <p role="status">{texts.asking}</p>}
      {state.phase === "recording" && <Meter recorder={recorder} />}
      {state.phase === "failed" && <p role="alert">{texts.microphone[state.failure]}</p>}
      {state.phase === "done" && <Recorded {...state} />}
    </div>
  );
}

function Meter({ recorder }: { recorder: Recorder }) {
  return (
    <p class="recorder-meter">
      <span>
        {texts.recording} {position(recorder.seconds.value)}
      </span>
      <meter
        min={0}
        max={1}
        high={meterShare(-3)}
        optimum={meterShare(-20)}
        value={meterShare(recorder.level.value)}
        aria-label={texts.level}
      />
    </p>
  );
}

function Recorded({ file, seconds, peakDb }: { file: Blob; seconds: number; peakDb: number }) {
  const url = useBlobUrl(file);
  const player = usePlayer({ url, seconds, fetching: "streamed", seeking: "free" });
  const warning = peakDb <= Math.max(SILENT_DB, FLOOR_DB) ? texts.silent : peakDb >= CLIPPED_DB ? texts.clipped : "";
  return (
    <>
      <p role="status">
        {texts.recorded(position(seconds))} {warning}
      </p>
      <AudioPlayer player={player} name={texts.name} />
    </>
  );
}
