// What a board rests on, and how it is read.

import type { Leaderboard } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { clockErrorMs } from "../../format/clock.ts";
import { milliseconds } from "../../format/duration.ts";
import { When } from "../../format/Measured.tsx";
import { counted, percent, signed } from "../../format/number.ts";
import { stampMs } from "../../format/time.ts";
import { useNow } from "../../format/useNow.ts";
import type { LivePhase } from "../../rpc/live.ts";
import { leaderboard as text } from "../../strings/leaderboard.ts";
import { namesOf } from "./board.ts";

/** When a board was computed, when it is computed next, and whether it follows by itself. */
export function Freshness({ board, phase }: { board: Leaderboard; phase: LivePhase }) {
  const now = useNow();
  const { computedAt, nextAt } = board;
  return (
    <p class="board-freshness">
      <span class={`board-phase board-phase-${phase}`}>{text.facts.live[phase]}</span>
      {computedAt && (
        <span>
          {text.facts.computed} <When at={computedAt} now={now} />
          {nextAt && (
            <>
              , {text.facts.next} {stampMs(nextAt) > now ? <When at={nextAt} now={now} /> : text.facts.soon}
            </>
          )}
        </span>
      )}
    </p>
  );
}

/** The sentences under a board. */
export function Facts({ board }: { board: Leaderboard }) {
  return (
    <ul class="board-facts">
      {sentences(board).map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}

export function sentences(board: Leaderboard): string[] {
  const { facts } = text;
  const people = board.voters > 0 ? facts.people(counted(board.voters, "person", "people")) : "";
  const found = [
    facts.votes(counted(board.votes, "vote", "votes"), people, counted(board.battles, "battle", "battles")),
  ];
  if (!board.connected) {
    found.push(facts.parts);
  }
  if (board.fragility) {
    const rival = namesOf(board).get(board.fragility.rivalId) ?? board.fragility.rivalId;
    found.push(facts.fragility(counted(board.fragility.votes, "of the votes", "of the votes"), rival));
  }
  if (board.slotEffect) {
    const { points, pointsLow, pointsHigh } = board.slotEffect;
    found.push(facts.slot(signed(points, 1), signed(pointsLow, 1), signed(pointsHigh, 1)));
  }
  if (board.exclusionRate !== undefined) {
    found.push(facts.excluded(percent(board.exclusionRate, 1)));
  }
  found.push(facts.scales, facts.price);
  if (board.rows.some((row) => row.provisional)) {
    found.push(facts.provisional);
  }
  if (clockErrorMs() !== 0) {
    found.push(facts.clock(milliseconds(Math.abs(clockErrorMs()))));
  }
  return found;
}
