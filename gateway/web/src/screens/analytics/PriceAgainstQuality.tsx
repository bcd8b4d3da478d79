import { Leaderboard_Board } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { LeaderboardService } from "../../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import { Scatter } from "../../charts/Scatter.tsx";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { dollars } from "../../format/money.ts";
import { counted } from "../../format/number.ts";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Section } from "../../parts/Page.tsx";
import { Select } from "../../parts/Select.tsx";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { analyticsTexts } from "../../strings/analytics.ts";
import { priceSpots, QUALITIES, type Quality, qualityAxis } from "./price.ts";

const { price: text } = analyticsTexts;
const { getLeaderboard } = LeaderboardService.method;
const REQUEST = { board: Leaderboard_Board.hybrid };

interface Props {
  quality: string;
  onQuality: (quality: string) => void;
}

/** What a model costs and how good it is, with the frontier of those that nobody beats on both. */
export function PriceAgainstQuality({ quality: wanted, onQuality }: Props) {
  const quality = QUALITIES.find((each) => each === wanted) ?? ("rating" satisfies Quality);
  const board = useQuery((signal) => call(getLeaderboard, REQUEST, { signal }), []);
  return (
    <Section
      title={text.title}
      actions={
        <>
          <Select
            label={text.quality}
            value={quality}
            choices={QUALITIES.map((value) => ({ value, label: text.by[value] }))}
            onChange={onQuality}
          />
          <CopyAs method={getLeaderboard} request={REQUEST} cli={["leaderboard", "--board", "hybrid"]} />
        </>
      }
    >
      <Loaded query={board} loading={<Loading heightPx={400} />}>
        {({ rows }) => {
          const { spots, withoutPrice } = priceSpots(rows, quality);
          if (spots.length === 0) {
            return <Empty title={text.empty} text={text.emptyText} command={text.emptyCommand} />;
          }
          return (
            <>
              <Scatter
                title={text.description}
                description={text.description}
                spots={spots}
                x={{ name: text.price, better: "low", write: dollars, fromZero: true }}
                y={qualityAxis(quality)}
              />
              {withoutPrice > 0 && (
                <p class="analytics-note">{text.withoutPrice(counted(withoutPrice, ...text.models))}</p>
              )}
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}
