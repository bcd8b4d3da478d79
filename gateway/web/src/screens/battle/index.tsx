import { create } from "@bufbuild/protobuf";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Battle_Status } from "../../../gen/voicearena/elo/v1/battle_pb.js";
import { BattleService, WatchBattleResponseSchema } from "../../../gen/voicearena/elo/v1/battle_service_pb.js";
import { onStoredElsewhere, readStored } from "../../app/stored.ts";
import { useUrlState } from "../../app/url_state.ts";
import { Comparison } from "../../comparison/Comparison.tsx";
import { Refusal } from "../../comparison/Refusal.tsx";
import { endsPair } from "../../comparison/refused.ts";
import { storedSession } from "../../comparison/voter.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Page } from "../../parts/Page.tsx";
import { announce } from "../../parts/Status.tsx";
import { call, stream, transport } from "../../rpc/client.ts";
import { useLive } from "../../rpc/live.ts";
import { categoryName } from "../../scenario_choice/choices.ts";
import { ScenarioSelects } from "../../scenario_choice/ScenarioSelects.tsx";
import { battle as texts } from "../../strings/battle.ts";
import { comparison } from "../../strings/comparison.ts";
import { en } from "../../strings/en.ts";
import { ANSWERED, type BattleState, type Battles, createBattles, type Wish } from "./battles.ts";
import { NextButton } from "./NextButton.tsx";
import { NotReady } from "./NotReady.tsx";
import { RevealedSide } from "./RevealedSide.tsx";
import { RevealedVote } from "./RevealedVote.tsx";
import "./battle.css";

const DEFAULTS = { category: "", language: "" };

export default function BattleScreen() {
  const [wish, setWish] = useUrlState(DEFAULTS);
  const battles = useMemo(createBattles, []);
  useEffect(() => () => battles.dispose(), [battles]);
  useEffect(() => void battles.next(wish), [battles, wish.category, wish.language]);
  const { value: server } = transport;
  const known = useRef(server);
  useEffect(() => {
    if (known.current !== server) {
      known.current = server;
      void battles.reconnect(wish);
    }
  }, [server]);
  return (
    <Page
      title={en.titles.battle}
      lead={texts.lead}
      actions={
        <>
          <ScenarioSelects category={wish.category} language={wish.language} onChange={setWish} />
          <CopyAs method={BattleService.method.nextBattle} request={wish} needs="voter" cli={cliOf(wish)} />
        </>
      }
    >
      <Shown battles={battles} state={battles.state.value} onNext={() => void battles.next(wish)} />
    </Page>
  );
}

function cliOf({ category, language }: Wish): string[] {
  return ["battle", ...(category ? ["--category", category] : []), ...(language ? ["--language", language] : [])];
}

interface ShownProps {
  battles: Battles;
  state: BattleState;
  onNext: () => void;
}

function Shown({ battles, state, onNext }: ShownProps) {
  const revealed = state.phase === "revealed" ? state : undefined;
  useEffect(() => {
    if (revealed) {
      const { clipAModel, clipBModel } = revealed.reveal;
      announce(
        `${comparison.given[revealed.answer]} ${texts.revealed(clipAModel?.name ?? "", clipBModel?.name ?? "")}`,
        false,
      );
    }
  }, [revealed]);
  switch (state.phase) {
    case "loading":
      return <Loading heightPx={420} />;
    case "waiting":
      return <NotReady key={state.message} state={state} onRetry={onNext} />;
    case "failed":
      return <Failure error={state.error} onRetry={onNext} />;
    case "open":
    case "revealed": {
      const { battle } = state;
      const open = state.phase === "open" ? state : undefined;
      const isOver = !open || open.ended !== undefined || (open.refusal !== undefined && endsPair(open.refusal));
      return (
        <>
          <Comparison
            key={battle.battleId}
            title={`${battle.scenarioName} · ${categoryName(battle.category)}`}
            text={battle.text}
            clips={{
              a: { url: battle.clipAUrl, seconds: battle.clipASeconds },
              b: { url: battle.clipBUrl, seconds: battle.clipBSeconds },
            }}
            busy={open?.busy ?? false}
            isOver={isOver}
            onVote={(answer) => void battles.vote(answer)}
            onReload={onNext}
            side={(side) => <RevealedSide side={side} revealed={revealed} />}
          >
            {!battle.rated && open && <p class="votes-hint">{texts.unrated(battle.unratedReason)}</p>}
            {open?.refusal && (
              <Refusal error={open.refusal}>{isOver && <NextButton onNext={onNext} isFocused />}</Refusal>
            )}
            {open?.ended && (
              <div class="refusal" role="alert">
                <p>{open.ended}</p>
                <p class="actions">
                  <NextButton onNext={onNext} />
                </p>
              </div>
            )}
            {revealed && <RevealedVote {...revealed} onNext={onNext} />}
          </Comparison>
          {open && !isOver && <EndWatch key={battle.battleId} battleId={battle.battleId} onEnd={battles.end} />}
        </>
      );
    }
  }
}

/** Notices that a battle takes no more votes while somebody still listens. */
function EndWatch({ battleId, onEnd }: { battleId: string; onEnd: Battles["end"] }) {
  const options = { credential: storedSession() ?? null };
  useLive(
    {
      open: (signal) => stream(BattleService.method.watchBattle, { id: battleId }, { ...options, signal }),
      poll: async (signal) => {
        const battle = await call(BattleService.method.getBattle, { id: battleId }, { ...options, signal });
        return create(WatchBattleResponseSchema, { battle });
      },
      onMessage: ({ battle }) => {
        if (battle?.status === Battle_Status.void) {
          onEnd(battleId, texts.ended.void(battle.voidReason));
        } else if (battle?.status === Battle_Status.decided) {
          onEnd(battleId, texts.ended.decided);
        }
      },
      isEnd: ({ battle }) => battle?.status === Battle_Status.void || battle?.status === Battle_Status.decided,
    },
    [battleId],
  );
  useEffect(
    () =>
      onStoredElsewhere(ANSWERED, () => {
        if (readStored("browser", ANSWERED) === battleId) {
          onEnd(battleId, texts.ended.answered);
        }
      }),
    [battleId],
  );
  return null;
}
