import type { VoiceModel } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import { VoiceModel_Kind } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import { DotInterval } from "../../charts/DotInterval.tsx";
import { milliseconds } from "../../format/duration.ts";
import { Measured, When } from "../../format/Measured.tsx";
import { perMinute, perThousandCharacters } from "../../format/money.ts";
import { ABSENT, count, counted, decimal, percent, rating } from "../../format/number.ts";
import { Copy } from "../../parts/Copy.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { leaderboard } from "../../strings/leaderboard.ts";
import { model as text } from "../../strings/model.ts";
import { AVERAGE_RATING } from "../leaderboard/board.ts";
import { failures } from "./profile.ts";

/** What a model is and what was measured over all of its battles. */
export function Facts({ model }: { model: VoiceModel }) {
  const { facts } = text;
  const stats = model.stats;
  const voice = [model.config?.voiceId, model.config?.modelId].filter(Boolean).join(" · ");
  const price = model.costPer1000Characters;
  const votes =
    stats && text.opponents.result(...([stats.wins, stats.losses, stats.ties, stats.bothBad].map(count) as Counts));
  const shown: [string, string, string?][] = [
    [facts.provider, model.provider],
    [facts.voice, voice],
    [facts.version, model.version],
    [facts.language, model.language],
    [facts.kind, model.kind === VoiceModel_Kind.recorded ? text.kinds.recorded : text.kinds.tts],
    [
      facts.price,
      price === undefined ? ABSENT : `${perThousandCharacters(price)} (≈ ${perMinute(price)})`,
      text.noPrice,
    ],
    [facts.elo, text.battles(rating(model.eloRating), counted(model.totalBattles, "battle", "battles"))],
    [facts.votes, votes ?? ABSENT],
    [facts.failures, failures(stats?.reliability), text.noRequests],
    [facts.firstSound, milliseconds(stats?.medianTtfaMs)],
    [facts.wordErrors, percent(stats?.avgWer, 1)],
    [facts.meaning, decimal(stats?.avgSemascore)],
    [facts.prosody, decimal(stats?.avgProsody)],
    [facts.quality, decimal(stats?.avgQuality)],
    [facts.bothBad, percent(stats?.bothBadShare, 1)],
  ];
  return (
    <dl class="model-facts">
      {shown
        .filter(([, value]) => value !== "")
        .map(([name, value, reason]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value === ABSENT ? <Measured text={value} reason={reason} /> : <bdi>{value}</bdi>}</dd>
          </div>
        ))}
      <div>
        <dt>{facts.added}</dt>
        <dd>
          <When at={model.createdAt} />
        </dd>
      </div>
      <div>
        <dt>{facts.id}</dt>
        <dd class="model-id">
          <code>{model.id}</code>
          <Copy text={model.id} />
        </dd>
      </div>
    </dl>
  );
}

type Counts = [string, string, string, string];

/** The rating on each board. */
export function Boards({ model }: { model: VoiceModel }) {
  const boards = model.stats?.boards ?? [];
  if (boards.length === 0) {
    return <Empty title={text.boards.none} text={text.boards.noneText} command={text.battleCommand(model.id)} />;
  }
  return (
    <DotInterval
      title={text.boards.title}
      description={text.boards.about(model.name)}
      sorted={false}
      rows={boards.map((each) => ({
        name: (leaderboard.boards as Record<string, string>)[each.board] ?? each.board,
        value: each.rating,
        low: each.ratingLow,
        high: each.ratingHigh,
        provisional: each.provisional,
      }))}
      reference={{ value: AVERAGE_RATING, name: text.boards.average }}
    />
  );
}
