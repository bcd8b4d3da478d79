import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { Button } from "../parts/Button.tsx";
import { checks } from "../strings/checks.ts";
import { AudioPlayer } from "./AudioPlayer.tsx";
import { drawTrials, INTERVALS, intervalAt, TRIALS, trialSound } from "./headphones.ts";
import { hasHeadphones, setup, storeSetup } from "./setup.ts";
import { useBlobUrl, usePlayer } from "./use_player.ts";
import "./checks.css";

const texts = checks.headphones;

/** Finds out whether each ear hears its own channel. */
export function HeadphoneCheck() {
  const trials = useSignal<readonly number[]>([]);
  const answers = useSignal<readonly boolean[]>([]);
  const round = answers.value.length;
  const interval = trials.value[round];
  const start = () => {
    trials.value = drawTrials();
    answers.value = [];
  };
  const answer = (isRight: boolean) => {
    answers.value = [...answers.value, isRight];
    if (answers.value.length === TRIALS) {
      storeSetup({ headphones: { correct: answers.value.filter(Boolean).length, at: new Date().toISOString() } });
    }
  };
  const { headphones } = setup.value;
  return (
    <div class="check">
      <h3>{texts.title}</h3>
      <p>{texts.text}</p>
      {interval === undefined ? (
        <p class="actions">
          <Button onClick={start}>{headphones ? texts.again : texts.start}</Button>
        </p>
      ) : (
        <Trial key={round} round={round} interval={interval} onAnswer={answer} />
      )}
      {headphones && interval === undefined && (
        <p role="status">{(hasHeadphones(setup.value) ? texts.passed : texts.failed)(headphones.correct, TRIALS)}</p>
      )}
    </div>
  );
}

interface TrialProps {
  round: number;
  interval: number;
  onAnswer: (isRight: boolean) => void;
}

function Trial({ round, interval, onAnswer }: TrialProps) {
  const url = useBlobUrl(useMemo(() => trialSound(interval), [interval]));
  const player = usePlayer({ url, fetching: "streamed", seeking: "after_first_play" });
  const { heardInFull } = player.state.value;
  const sounding = intervalAt(player.position.value);
  return (
    <>
      <p>{texts.round(round + 1, TRIALS)}</p>
      <AudioPlayer player={player} name={texts.bursts} />
      <fieldset class="check-choices">
        <legend>{texts.which}</legend>
        {Array.from({ length: INTERVALS }, (_, i) => (
          <span key={i} class="check-choice" data-sounding={player.state.value.phase === "playing" && sounding === i}>
            <Button disabled={!heardInFull} onClick={() => onAnswer(i === interval)}>
              {texts.choice(i + 1)}
            </Button>
          </span>
        ))}
      </fieldset>
    </>
  );
}
