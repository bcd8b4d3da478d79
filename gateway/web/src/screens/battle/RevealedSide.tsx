import type { Side } from "../../audio/pair.ts";
import { rating, signed } from "../../format/number.ts";
import { battle as texts } from "../../strings/battle.ts";
import type { BattleState } from "./battles.ts";

interface RevealedSideProps {
  side: Side;
  revealed: Extract<BattleState, { phase: "revealed" }> | undefined;
}

/** Who spoke on a side, and how the vote moved the rating. It has the same height before the vote. */
export function RevealedSide({ side, revealed }: RevealedSideProps) {
  if (!revealed) {
    return <p class="revealed revealed-not-yet">{texts.hidden}</p>;
  }
  const { reveal, answer } = revealed;
  const model = side === "a" ? reveal.clipAModel : reveal.clipBModel;
  const change = side === "a" ? reveal.clipARating : reveal.clipBRating;
  return (
    <div class="revealed">
      <p class="revealed-name">
        <a href={`/models/${model?.id}`} dir="auto">
          {model?.name}
        </a>
        {answer === side && <span class="revealed-choice">✓ {texts.yourChoice}</span>}
      </p>
      {change && (
        <p>
          {texts.elo}{" "}
          <span aria-hidden="true">
            {texts.eloChange(rating(change.before), rating(change.after), signed(change.after - change.before, 1))}
          </span>
          <span class="visually-hidden">{texts.eloSpoken(rating(change.before), rating(change.after))}</span>
        </p>
      )}
    </div>
  );
}
