import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Evaluation, Metric } from "../../../gen/voicearena/scoring/v1/scoring_pb.js";
import { AudioPlayer } from "../../audio/AudioPlayer.tsx";
import { MAX_DECODED_SECONDS } from "../../audio/decode.ts";
import type { Player } from "../../audio/player.ts";
import { useBlobUrl, usePlayer } from "../../audio/use_player.ts";
import { Volume } from "../../audio/Volume.tsx";
import { position } from "../../format/duration.ts";
import { Button } from "../../parts/Button.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Section } from "../../parts/Page.tsx";
import { useQuery } from "../../rpc/query.ts";
import { evaluationStrings as text } from "../../strings/evaluation.ts";
import { alignedWords, heardWords } from "../../words/aligned.ts";
import { versionsOf } from "./figures.ts";
import { fetchPeaks, fetchRecording } from "./recording.ts";
import { Timeline } from "./Timeline.tsx";
import { Turns } from "./Turns.tsx";
import { turnsOf } from "./turns.ts";
import { WordErrorsView, WordsView } from "./Words.tsx";

// The height of the play button, so that nothing moves when the player comes.
const PLAYER_HEIGHT_PX = 44;

interface ListeningProps {
  evaluation: Evaluation;
  metrics: readonly Metric[];
}

/** The recording with everything that has a place in it. One player moves all of it. */
export function Listening({ evaluation, metrics }: ListeningProps) {
  const { id, durationSeconds, audioDeletedAt } = evaluation;
  const isLong = (durationSeconds ?? 0) > MAX_DECODED_SECONDS;
  const isWanted = useSignal(!isLong);
  const hasAudio = audioDeletedAt === undefined;
  const player = useSignal<Player | undefined>(undefined);
  const recording = useQuery(
    async (signal) => (hasAudio && isWanted.value ? await fetchRecording(id, signal) : null),
    [id, isWanted.value],
  );
  const blob = recording.value ?? undefined;
  return (
    <Section title={text.recording}>
      {hasAudio ? (
        <div class="evaluation-player">
          {recording.error && <Failure error={recording.error} onRetry={recording.reload} />}
          {blob ? (
            <RecordingPlayer blob={blob} durationSeconds={durationSeconds} player={player} />
          ) : (
            !isWanted.value && (
              <Button
                onClick={() => {
                  isWanted.value = true;
                }}
              >
                {text.load(position(durationSeconds))}
              </Button>
            )
          )}
          {isWanted.value && !blob && !recording.error && <Loading heightPx={PLAYER_HEIGHT_PX} />}
          {isWanted.value && !recording.error && <Volume />}
        </div>
      ) : (
        <p>{text.deleted}</p>
      )}
      <Heard evaluation={evaluation} metrics={metrics} player={player.value} blob={blob} />
    </Section>
  );
}

interface RecordingPlayerProps {
  blob: Blob;
  durationSeconds: number | undefined;
  /** Gets the player for as long as it is shown. */
  player: Signal<Player | undefined>;
}

function RecordingPlayer({ blob, durationSeconds, player: shared }: RecordingPlayerProps) {
  const url = useBlobUrl(blob);
  const player = usePlayer({
    url,
    fetching: "streamed",
    seeking: "free",
    ...(durationSeconds === undefined ? {} : { seconds: durationSeconds }),
  });
  useEffect(() => {
    shared.value = player;
    return () => {
      shared.value = undefined;
    };
  }, [player]);
  return <AudioPlayer player={player} name={text.play} />;
}

interface HeardProps extends ListeningProps {
  player: Player | undefined;
  blob: Blob | undefined;
}

/** What was heard, along one time axis and as text. Without a player it can be read only. */
function Heard({ evaluation, metrics, player, blob }: HeardProps) {
  const { id, metrics: measured, diarization, audioDeletedAt } = evaluation;
  const peaks = useQuery(async (signal) => (audioDeletedAt === undefined ? await fetchPeaks(id, signal) : null), [id]);
  const words = useMemo(() => {
    if (measured?.wordErrors) {
      return alignedWords(measured.wordErrors, measured.alignment);
    }
    return measured?.alignment ? heardWords(measured.alignment) : [];
  }, [measured]);
  const turns = useMemo(() => (diarization ? turnsOf(diarization) : []), [diarization]);
  const goodGap = metrics.find((metric) => metric.name === "response_gap_p95_seconds")?.goodMaximum;
  return (
    <>
      <Timeline
        evaluation={evaluation}
        peaks={peaks}
        words={words}
        turns={turns}
        goodGap={goodGap}
        {...(player ? { player } : {})}
        {...(blob ? { blob } : {})}
      />
      {diarization && turns.length > 0 && <Turns turns={turns} goodGap={goodGap} />}
      {measured?.transcription && (
        <div class="evaluation-words">
          <div>
            <WordsView
              title={text.words}
              words={words}
              transcript={measured.transcription.text}
              {...(measured.wordErrors ? { errors: measured.wordErrors } : {})}
              {...(player ? { player } : {})}
            />
          </div>
          {versionsOf(evaluation).map((condition) => {
            const twin = evaluation.conditionMetrics[condition];
            return (
              twin?.transcription && (
                <div key={condition}>
                  <WordsView
                    title={text.wordsOf(text.conditionWords[condition] ?? condition)}
                    words={twin.wordErrors ? alignedWords(twin.wordErrors, twin.alignment) : []}
                    transcript={twin.transcription.text}
                    {...(twin.wordErrors ? { errors: twin.wordErrors } : {})}
                    {...(player ? { player } : {})}
                  />
                </div>
              )
            );
          })}
        </div>
      )}
      {measured?.wordErrors && <WordErrorsView errors={measured.wordErrors} />}
    </>
  );
}
