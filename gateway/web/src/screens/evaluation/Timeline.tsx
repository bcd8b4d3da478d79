import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Evaluation } from "../../../gen/voicearena/scoring/v1/scoring_pb.js";
import { decode, MAX_DECODED_SECONDS } from "../../audio/decode.ts";
import { SoundError } from "../../audio/failure.ts";
import { Playhead } from "../../audio/Playhead.tsx";
import type { Peaks } from "../../audio/peaks.ts";
import type { Player } from "../../audio/player.ts";
import { Spectrogram } from "../../audio/Spectrogram.tsx";
import { Waveform } from "../../audio/Waveform.tsx";
import { position, seconds } from "../../format/duration.ts";
import { percent } from "../../format/number.ts";
import { Button } from "../../parts/Button.tsx";
import { Loading } from "../../parts/Loading.tsx";
import type { Query } from "../../rpc/query.ts";
import { audio } from "../../strings/audio.ts";
import { evaluationStrings as text } from "../../strings/evaluation.ts";
import { type AlignedWord, SIGNS } from "../../words/aligned.ts";
import { lanesOf, type Turn } from "./turns.ts";
import "../../charts/charts.css";

const WAVEFORM_PX = 80;
/** Tracks are drawn in thousandths of the recording, and stretched to the width of the window. */
const SCALE = 1000;
const SERIES = 6;

interface TimelineProps {
  evaluation: Evaluation;
  peaks: Query<Peaks | null>;
  words: readonly AlignedWord[];
  turns: readonly Turn[];
  /** The longest gap that needs no attention, in seconds. */
  goodGap: number | undefined;
  player?: Player;
  blob?: Blob;
}

/** Everything along one time axis, under one playhead. */
export function Timeline({ evaluation, peaks, words, turns, goodGap, player, blob }: TimelineProps) {
  const samples = useSignal<Float32Array | undefined>(undefined);
  const failure = useSignal("");
  const { diarization, metrics } = evaluation;
  const duration = player?.state.value.duration || evaluation.durationSeconds || 0;
  const timed = words.filter((word) => word.time);
  const gaps = turns.filter((turn) => turn.gap !== undefined && turn.gap > 0);
  const hasAudio = evaluation.audioDeletedAt === undefined;
  const isShort = duration <= MAX_DECODED_SECONDS;
  const showSpectrogram = async () => {
    try {
      samples.value = await decode(blob as Blob);
    } catch (error) {
      failure.value = audio.failures[error instanceof SoundError ? error.kind : "format"];
    }
  };
  return (
    <>
      <div class="timeline evaluation-timeline">
        <Track title={text.tracks.waveform}>
          {peaks.value ? (
            <Waveform peaks={peaks.value} />
          ) : peaks.loading ? (
            <Loading heightPx={WAVEFORM_PX} />
          ) : (
            <p class="evaluation-note">{peaks.error?.message ?? text.noOutline}</p>
          )}
        </Track>
        {samples.value && (
          <Track title={text.tracks.spectrogram}>
            <Spectrogram samples={samples.value} />
          </Track>
        )}
        {timed.length > 0 && (
          <Track title={metrics?.alignment?.estimated ? text.tracks.wordsEstimated : text.tracks.words}>
            <Bars>
              {timed.map((word, index) => (
                <Bar
                  key={index}
                  kind={`track-word track-${word.operation}`}
                  from={word.time?.start ?? 0}
                  to={word.time?.end ?? 0}
                  duration={duration}
                  title={`${SIGNS[word.operation]}${word.heard}`}
                />
              ))}
            </Bars>
          </Track>
        )}
        {diarization &&
          lanesOf(diarization, turns).map((lane, index) => (
            <Track key={lane.speaker} title={text.speaker(lane.speaker, percent(lane.share))}>
              <Bars>
                {lane.turns.map((turn) => (
                  <Bar
                    key={turn.start}
                    kind={`series-${(index % SERIES) + 1} track-turn${turn.interrupts ? " track-marked" : ""}`}
                    from={turn.start}
                    to={turn.end}
                    duration={duration}
                    title={`${position(turn.start)}–${position(turn.end)}`}
                  />
                ))}
              </Bars>
            </Track>
          ))}
        {gaps.length > 0 && (
          <Track title={text.tracks.gaps}>
            <Bars>
              {gaps.map((turn) => (
                <Bar
                  key={turn.start}
                  kind={`track-gap${isLong(turn, goodGap) ? " track-marked" : ""}`}
                  from={turn.start - (turn.gap ?? 0)}
                  to={turn.start}
                  duration={duration}
                  title={seconds(turn.gap)}
                />
              ))}
            </Bars>
          </Track>
        )}
        {player && (
          <Playhead time={player.position} duration={duration} name={text.play} onSeek={(at) => player.seek(at)} />
        )}
      </div>
      <p class="evaluation-axis" aria-hidden="true">
        <span>{position(0)}</span>
        <span>{position(duration / 2)}</span>
        <span>{position(duration)}</span>
      </p>
      {(turns.some((turn) => turn.interrupts) || gaps.some((turn) => isLong(turn, goodGap))) && (
        <p class="evaluation-note">
          {[
            ...(turns.some((turn) => turn.interrupts) ? [text.marks.interruption] : []),
            ...(gaps.some((turn) => isLong(turn, goodGap)) ? [text.marks.gap] : []),
          ].join("; ")}
        </p>
      )}
      {hasAudio && isShort && !samples.value && (
        <p class="actions">
          <Button onClick={showSpectrogram} disabled={!blob}>
            {text.showSpectrogram}
          </Button>
        </p>
      )}
      {hasAudio && !isShort && (
        <p class="evaluation-note">{text.tooLongForSpectrogram(position(MAX_DECODED_SECONDS))}</p>
      )}
      {failure.value && <p role="alert">{failure.value}</p>}
    </>
  );
}

/** Whether a speaker took longer to answer than the good range allows. */
export function isLong(turn: Turn, goodGap: number | undefined): boolean {
  return goodGap !== undefined && (turn.gap ?? 0) > goodGap;
}

function Track({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="evaluation-track">
      <p class="evaluation-track-title" dir="auto">
        {title}
      </p>
      {children}
    </div>
  );
}

// The words and the turns are read from the text and the table under the tracks.
function Bars({ children }: { children: ComponentChildren }) {
  return (
    <svg class="evaluation-bars" viewBox={`0 0 ${SCALE} 10`} preserveAspectRatio="none" aria-hidden="true">
      {children}
    </svg>
  );
}

interface BarProps {
  kind: string;
  from: number;
  to: number;
  duration: number;
  title: string;
}

function Bar({ kind, from, to, duration, title }: BarProps) {
  const scale = SCALE / Math.max(duration, 0.001);
  // An error has a height of its own, so that its colour is not all that says so.
  const [y, height] = SHAPES[kind] ?? [1, 8];
  return (
    <rect
      class={kind}
      x={from * scale}
      y={y}
      width={Math.max((to - from) * scale - 0.6, 0.8)}
      height={height}
      vector-effect="non-scaling-stroke"
    >
      <title>{title}</title>
    </rect>
  );
}

const SHAPES: Record<string, readonly [number, number]> = {
  "track-word track-equal": [4, 3],
  "track-word track-substitute": [1, 8],
  "track-word track-insert": [0, 10],
};
