import { Battle_Winner, type MetricVote } from "../../../gen/voicearena/elo/v1/battle_pb.js";
import { decimal } from "../../format/number.ts";
import { battle as texts } from "../../strings/battle.ts";
import { comparison } from "../../strings/comparison.ts";
import type { BattleState } from "./battles.ts";
import { isSwapped, metricsOf, rowsOf } from "./measured.ts";
import { NextButton } from "./NextButton.tsx";

type RevealedVoteProps = Extract<BattleState, { phase: "revealed" }> & { onNext: () => void };

/** What the vote did, and what was measured on both sides. */
export function RevealedVote({ answer, reveal, onNext }: RevealedVoteProps) {
  const metrics = metricsOf(reveal);
  const rows = rowsOf(metrics);
  const vote = reveal.battle?.metricVote;
  return (
    <section class="revealed-vote">
      <div class="revealed-done">
        <p>
          <strong>{comparison.given[answer]}</strong> {reveal.rated ? texts.rated : texts.unrated(reveal.unratedReason)}{" "}
          {texts.votes(reveal.votesCast)}
        </p>
        <NextButton onNext={onNext} isFocused />
      </div>
      {rows.length > 0 && (
        <table class="revealed-metrics">
          <caption>{texts.metrics}</caption>
          <thead>
            <tr>
              <th scope="col">{texts.metric}</th>
              <th scope="col">A</th>
              <th scope="col">B</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.metric}>
                <th scope="row">{texts.names[row.metric]}</th>
                <Value text={row.a} isBetter={row.better === "a"} />
                <Value text={row.b} isBetter={row.better === "b"} />
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {vote && <p class="votes-hint">{metricVoteText(vote, isSwapped(reveal))}</p>}
      {(["a", "b"] as const).map(
        (side) =>
          metrics[side]?.transcript && (
            <p key={side} class="votes-hint">
              {texts.heard} {side.toUpperCase()}: <q dir="auto">{metrics[side].transcript}</q>
            </p>
          ),
      )}
    </section>
  );
}

function Value({ text, isBetter }: { text: string; isBetter: boolean }) {
  return (
    <td data-better={isBetter}>
      {isBetter && (
        <>
          <span aria-hidden="true">✓ </span>
          <span class="visually-hidden">{texts.better} </span>
        </>
      )}
      {text}
    </td>
  );
}

function metricVoteText({ answer, scoreA, scoreB }: MetricVote, swapped: boolean): string {
  const side = answer === Battle_Winner.tie ? "tie" : (answer === Battle_Winner.a) === !swapped ? "a" : "b";
  const [a, b] = swapped ? [scoreB, scoreA] : [scoreA, scoreB];
  return texts.metricVote(texts.metricWinner[side], decimal(a), decimal(b));
}
