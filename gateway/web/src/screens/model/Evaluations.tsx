import { useSignal } from "@preact/signals";
import { Battle_Status } from "../../../gen/voicearena/elo/v1/battle_pb.js";
import { BattleService } from "../../../gen/voicearena/elo/v1/battle_service_pb.js";
import type { VoiceModel } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import { apiKey } from "../../app/keys.ts";
import { AudioPlayer } from "../../audio/AudioPlayer.tsx";
import { useBlobUrl, usePlayer } from "../../audio/use_player.ts";
import { Measured, When } from "../../format/Measured.tsx";
import { Button } from "../../parts/Button.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { ApiError, errorOfHttp } from "../../rpc/errors.ts";
import { useQuery } from "../../rpc/query.ts";
import { newTrace } from "../../rpc/trace.ts";
import { model as text } from "../../strings/model.ts";
import { battleView, metricTexts } from "./profile.ts";

const LATEST = 10;

interface EvaluationsProps {
  model: VoiceModel;
  names: ReadonlyMap<string, string>;
}

/** The latest clips of a model in battles: what was measured, what was heard, and the sound for its owner. */
export function Evaluations({ model, names }: EvaluationsProps) {
  const query = useQuery(
    (signal) => {
      const request = { modelId: model.id, status: Battle_Status.decided, pageSize: LATEST };
      return call(BattleService.method.listBattles, request, { signal });
    },
    [model.id],
  );
  // The installation's own models have no owner who could hear them, and a visitor without a key is nobody's owner.
  const mayHear = model.developerId !== "" && apiKey.value !== undefined;
  return (
    <Loaded query={query}>
      {({ battles }) =>
        battles.length === 0 ? (
          <Empty title={text.evaluations.none} text={text.battle} command={text.battleCommand(model.id)} />
        ) : (
          <>
            {!mayHear && <p class="model-note">{text.evaluations.ownerOnly}</p>}
            <ol class="model-clips">
              {battles.map((battle) => {
                const view = battleView(battle, model.id);
                const opponent = names.get(view.opponentId) ?? view.opponentId;
                return (
                  <li key={view.id}>
                    <p class="model-clip-head">
                      <strong>
                        <Measured text={view.result} />
                      </strong>
                      <a href={`/models/${view.opponentId}`}>
                        <bdi>{text.evaluations.against(opponent)}</bdi>
                      </a>
                      <When at={battle.decidedAt ?? battle.createdAt} />
                      {!battle.rated && <span>{text.evaluations.unrated}</span>}
                    </p>
                    {view.metrics?.transcript && (
                      <p dir="auto">
                        <span class="model-note">{text.evaluations.heard}: </span>“{view.metrics.transcript}”
                      </p>
                    )}
                    <p class="model-note">{metricTexts(view.metrics).join(" · ")}</p>
                    {mayHear && view.evaluationId && <Sound evaluationId={view.evaluationId} />}
                  </li>
                );
              })}
            </ol>
          </>
        )
      }
    </Loaded>
  );
}

/** Fetches the recording of an evaluation on request: the key is a header, which an audio element can't send. */
function Sound({ evaluationId }: { evaluationId: string }) {
  const sound = useSignal<Blob | undefined>(undefined);
  const fetching = useAction(async () => {
    const { traceparent, traceId } = newTrace();
    const response = await fetch(`/api/v1/evaluations/${evaluationId}/audio`, {
      headers: { authorization: `Bearer ${apiKey.peek()}`, traceparent },
      credentials: "omit",
    });
    if (!response.ok) {
      const error = errorOfHttp(response.status, traceId);
      throw response.status === 404 ? new ApiError(error.code, text.evaluations.notYours, { traceId }) : error;
    }
    sound.value = await response.blob();
  });
  return (
    <div class="model-sound">
      {sound.value ? (
        <Clip blob={sound.value} />
      ) : (
        <Button busy={fetching.busy} onClick={fetching.run}>
          {text.evaluations.hear}
        </Button>
      )}
      <a href={`/evaluations/${evaluationId}`}>{text.evaluations.open}</a>
      {fetching.error && <Failure error={fetching.error} />}
    </div>
  );
}

function Clip({ blob }: { blob: Blob }) {
  const url = useBlobUrl(blob);
  const player = usePlayer({ url, fetching: "streamed", seeking: "free" });
  return <AudioPlayer player={player} name={text.evaluations.player} />;
}
