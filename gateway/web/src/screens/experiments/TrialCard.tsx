import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Trial, Trial_Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { AudioPlayer } from "../../audio/AudioPlayer.tsx";
import { useExpiringPlayer } from "../../audio/expiring.ts";
import { milliseconds, seconds } from "../../format/duration.ts";
import { ABSENT, count, decimal, percent } from "../../format/number.ts";
import { experiments } from "../../strings/experiments.ts";
import { alignedWords } from "../../words/aligned.ts";
import { voiceName } from "../../words/voice.ts";
import { trialStatusName } from "./names.ts";

const text = experiments.trials;

interface TrialCardProps {
  trial: Trial;
  isRepeated: boolean;
  /** Reads the trials again, because the link to the audio has expired. */
  onExpired: () => void;
}

/** One recording: its audio, its most important measurements, and what was heard. */
export function TrialCard({ trial, isRepeated, onExpired }: TrialCardProps) {
  const name = voiceName(trial);
  const facts: [string, string][] = [
    [text.ttfb, milliseconds(trial.ttfbMs)],
    [text.total, milliseconds(trial.generationTimeMs)],
    [text.length, seconds(trial.durationSeconds)],
    [text.errors, percent(trial.wordErrorRate, 1)],
    [text.quality, decimal(trial.signalQualityMos)],
  ];
  const measured = facts.filter(([, value]) => value !== ABSENT);
  return (
    <li class="trial-card">
      <p class="trial-head">
        <bdi class="trial-voice">{name}</bdi>
        {isRepeated && <span class="muted">{text.repeat(trial.repeatIndex + 1)}</span>}
        {trial.status !== Trial_Status.completed && (
          <span class={`trial-status trial-${Trial_Status[trial.status]}`}>{trialStatusName(trial.status)}</span>
        )}
      </p>
      {trial.errorMessage !== "" && <p class="trial-error">{trial.errorMessage}</p>}
      {trial.audioUrl && (
        <WhenNear>
          <TrialAudio
            url={trial.audioUrl}
            duration={trial.durationSeconds}
            name={text.play(name, trial.promptIndex + 1)}
            onExpired={onExpired}
          />
        </WhenNear>
      )}
      {trial.audioDeletedAt && <p class="muted">{text.audioDeleted}</p>}
      {measured.length > 0 && (
        <dl class="trial-facts">
          {measured.map(([heading, value]) => (
            <div key={heading}>
              <dt>{heading}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {trial.words ? <Heard words={trial.words} /> : trial.transcript && <p dir="auto">{trial.transcript}</p>}
      {trial.status === Trial_Status.completed && (
        <p class="trial-foot">
          <a href={`/evaluations/${trial.id}`}>{text.evaluation}</a>
        </p>
      )}
    </li>
  );
}

interface TrialAudioProps {
  url: string;
  duration: number | undefined;
  name: string;
  onExpired: () => void;
}

function TrialAudio({ url, duration, name, onExpired }: TrialAudioProps) {
  const source = { url, fetching: "streamed", seeking: "free" } as const;
  const { player, retry } = useExpiringPlayer(
    duration === undefined ? source : { ...source, seconds: duration },
    onExpired,
  );
  return <AudioPlayer player={player} name={name} onRetry={retry} />;
}

/** Shows its content once it is near the screen: a page of 400 players would load 400 recordings. */
function WhenNear({ children }: { children: ComponentChildren }) {
  const frame = useRef<HTMLDivElement>(null);
  const isNear = useSignal(false);
  useEffect(() => {
    if (!frame.current) {
      return;
    }
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) {
          isNear.value = true;
          observer.disconnect();
        }
      },
      { rootMargin: "50%" },
    );
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div class="trial-audio" ref={frame}>
      {isNear.value && children}
    </div>
  );
}

/** The words of the text with what was heard: errors are marked by shape, and named for screen readers. */
function Heard({ words }: { words: NonNullable<Trial["words"]> }) {
  return (
    <>
      <p class="heard" dir="auto">
        {alignedWords(words).map((word, index) => (
          <span key={index}>
            {index > 0 && " "}
            {word.operation === "equal" && word.reference}
            {word.operation === "insert" && (
              <ins>
                <span class="visually-hidden">{text.inserted} </span>
                {word.heard}
              </ins>
            )}
            {word.operation === "delete" && (
              <del>
                <span class="visually-hidden">{text.deleted} </span>
                {word.reference}
              </del>
            )}
            {word.operation === "substitute" && (
              <>
                <del>{word.reference}</del>{" "}
                <ins>
                  <span class="visually-hidden">{text.replaced} </span>
                  {word.heard}
                </ins>
              </>
            )}
          </span>
        ))}
      </p>
      {words.failures.length > 0 && (
        <p class="trial-error">
          {text.failures} ({count(words.failures.length)}):{" "}
          {words.failures
            .map(({ kind, words: run }) => `${failureName(kind)}${run.length > 0 ? ` “${run.join(" ")}”` : ""}`)
            .join("; ")}
        </p>
      )}
    </>
  );
}

function failureName(kind: string): string {
  return (text.failureKinds as Record<string, string>)[kind] ?? kind;
}
