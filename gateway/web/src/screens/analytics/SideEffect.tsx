import type { SlotEffect } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { DotInterval } from "../../charts/DotInterval.tsx";
import { signed } from "../../format/number.ts";
import { Empty } from "../../parts/Empty.tsx";
import { Section } from "../../parts/Page.tsx";
import { analyticsTexts } from "../../strings/analytics.ts";

const { side: text } = analyticsTexts;

/** How much more often people prefer the clip that they heard as A. */
export function SideEffect({ value }: { value: SlotEffect | undefined }) {
  return (
    <Section title={text.title}>
      {value ? (
        <>
          <DotInterval
            title={text.description}
            description={text.description}
            rows={[{ name: text.row, value: value.points, low: value.pointsLow, high: value.pointsHigh }]}
            write={(amount) => signed(amount, 1)}
            reference={{ value: 0, name: text.none }}
            smallest={10}
          />
          <p>{value.pointsLow > 0 || value.pointsHigh < 0 ? text.unfair : text.fair}</p>
        </>
      ) : (
        <Empty title={text.unknown} text={text.unknownText} command={analyticsTexts.emptyCommand} />
      )}
    </Section>
  );
}
