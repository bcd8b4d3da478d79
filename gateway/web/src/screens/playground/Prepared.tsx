import { BattleService } from "../../../gen/voicearena/elo/v1/battle_service_pb.js";
import { AudioPlayer } from "../../audio/AudioPlayer.tsx";
import { useExpiringPlayer } from "../../audio/expiring.ts";
import { withVoter } from "../../comparison/voter.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Section } from "../../parts/Page.tsx";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { playground } from "../../strings/playground.ts";

const text = playground.speak;
const { nextBattle } = BattleService.method;
const NOT_READY = "NOT_READY";

/** Two clips that the arena has made of one text. They are those of the visitor's next battle, so they stay blind. */
export function Prepared() {
  const next = useQuery((signal) => withVoter((credential) => call(nextBattle, {}, { signal, credential })), []);
  if (next.error?.reason === NOT_READY) {
    return <Empty title={text.noClips} text={text.noClipsText} command={text.noClipsCommand} />;
  }
  const battle = next.value;
  return (
    <Section title={text.clips} actions={<CopyAs method={nextBattle} request={{}} needs="voter" cli={["battle"]} />}>
      {next.error && <Failure error={next.error} onRetry={next.reload} />}
      {!battle && next.loading && <Loading lines={5} />}
      {battle && (
        <>
          <p class="playground-text" dir="auto">
            {battle.text}
          </p>
          <div key={battle.battleId} class="playground-voices">
            <Clip name={text.clip("A")} url={battle.clipAUrl} seconds={battle.clipASeconds} onExpired={next.reload} />
            <Clip name={text.clip("B")} url={battle.clipBUrl} seconds={battle.clipBSeconds} onExpired={next.reload} />
          </div>
          <p class="field-hint">{text.clipsText}</p>
          <p class="actions">
            <a class="button" href="/">
              {text.vote}
            </a>
          </p>
        </>
      )}
    </Section>
  );
}

interface ClipProps {
  name: string;
  url: string;
  seconds: number;
  onExpired: () => void;
}

function Clip({ name, url, seconds, onExpired }: ClipProps) {
  const source = { url, seconds, fetching: "whole", seeking: "after_first_play" } as const;
  const { player, retry } = useExpiringPlayer(source, onExpired);
  return (
    <div class="playground-voice">
      <AudioPlayer player={player} name={name} onRetry={retry} />
    </div>
  );
}
