import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { WordErrors } from "../../../gen/voicearena/scoring/v1/evaluation_metrics_pb.js";
import type { Player } from "../../audio/player.ts";
import { seconds } from "../../format/duration.ts";
import { count, percent } from "../../format/number.ts";
import { type Column, Table } from "../../parts/Table.tsx";
import { evaluationStrings as text } from "../../strings/evaluation.ts";
import { type AlignedWord, SIGNS, wordAt } from "../../words/aligned.ts";

interface WordsViewProps {
  title: string;
  words: readonly AlignedWord[];
  transcript: string;
  errors?: WordErrors;
  player?: Player;
}

/** The words that were heard. Errors have a sign, a shape and a colour; the word that is said now is underlined. */
export function WordsView({ title, words, transcript, errors, player }: WordsViewProps) {
  const list = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (!player) {
      return;
    }
    // Through the DOM, because rendering a thousand words for each frame is slow.
    let marked: Element | undefined;
    return effect(() => {
      const now = list.current?.children[wordAt(words, player.position.value)];
      if (now !== marked) {
        marked?.classList.remove("word-now");
        now?.classList.add("word-now");
        marked = now;
      }
    });
  }, [player, words]);
  return (
    <>
      <h3>{title}</h3>
      {errors && (
        <p class="evaluation-note">
          {text.counts(
            count(errors.hits),
            count(errors.substitutions),
            count(errors.deletions),
            count(errors.insertions),
            percent(errors.wordErrorRate, 1),
          )}
        </p>
      )}
      {words.length > 0 ? (
        <p class="words" dir="auto" ref={list}>
          {words.map((word, index) => (
            <Word key={index} word={word} player={player} />
          ))}
        </p>
      ) : (
        <p class="words" dir="auto">
          {transcript || text.noWords}
        </p>
      )}
      {!errors && <p class="evaluation-note">{text.noReference}</p>}
    </>
  );
}

function Word({ word, player }: { word: AlignedWord; player: Player | undefined }) {
  const { operation, heard, reference, time } = word;
  const sign = SIGNS[operation];
  const content = (
    <>
      {sign && (
        <>
          <span class="word-sign" aria-hidden="true">
            {sign}
          </span>
          <span class="visually-hidden">{text.operations[operation]} </span>
        </>
      )}
      {operation === "delete" ? <del>{reference}</del> : operation === "insert" ? <ins>{heard}</ins> : heard}
      {operation === "substitute" && (
        <>
          <span class="visually-hidden"> {text.insteadOf("")}</span>
          <small class="word-reference"> {reference}</small>
        </>
      )}
    </>
  );
  const kind = `word word-${operation}`;
  return time && player ? (
    <button type="button" class={kind} title={seconds(time.start)} onClick={() => player.seek(time.start)}>
      {content}
    </button>
  ) : (
    <span class={kind}>{content}</span>
  );
}

/** Words that must be exact, and failures of the speech. */
export function WordErrorsView({ errors }: { errors: WordErrors }) {
  type Hard = (typeof errors.hardWords)[number];
  const columns: Column<Hard>[] = [
    { id: "text", heading: text.hardColumns.text, cell: (word) => <bdi>{word.text}</bdi> },
    { id: "kind", heading: text.hardColumns.kind, cell: (word) => word.kind },
    { id: "heard", heading: text.hardColumns.heard, cell: (word) => <bdi>{word.heard || text.nothingHeard}</bdi> },
    {
      id: "exact",
      heading: text.hardColumns.exact,
      cell: (word) => <span class={word.exact ? "figure-good" : "figure-bad"}>{word.exact ? text.yes : text.no}</span>,
    },
  ];
  return (
    <>
      {errors.hardWords.length > 0 && (
        <>
          <h3>{text.hardWords}</h3>
          <Table
            caption={text.hardWords}
            columns={columns}
            rows={errors.hardWords}
            rowKey={(word) => `${errors.hardWords.indexOf(word)}`}
          />
        </>
      )}
      {errors.failures.length > 0 && (
        <>
          <h3>{text.failures}</h3>
          <ul class="evaluation-failures">
            {errors.failures.map((failure, index) => (
              <li key={index} dir="auto">
                {text.failureKinds[failure.kind] ?? failure.kind}
                {failure.words.length > 0 && `: “${failure.words.join(" ")}”`}
                {failure.copies > 0 && ` × ${count(failure.copies)}`}, {seconds(failure.startSeconds)} –{" "}
                {seconds(failure.endSeconds)}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
