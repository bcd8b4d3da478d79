import { useEffect, useMemo, useRef } from "preact/hooks";
import { Comparison } from "../../comparison/Comparison.tsx";
import { Refusal } from "../../comparison/Refusal.tsx";
import { endsPair } from "../../comparison/refused.ts";
import { Button } from "../../parts/Button.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Page } from "../../parts/Page.tsx";
import { announce } from "../../parts/Status.tsx";
import { transport } from "../../rpc/client.ts";
import { listen as texts } from "../../strings/listen.ts";
import { createListening, type Listening } from "./listening.ts";
import { Progress } from "./Progress.tsx";
import { useToken } from "./token.ts";
import "./listen.css";

export default function ListenScreen() {
  const token = useToken();
  return (
    <Page title={texts.title} lead={texts.lead}>
      {token ? <Test key={token} token={token} /> : <Empty title={texts.noToken} text={texts.noTokenText} />}
    </Page>
  );
}

function Test({ token }: { token: string }) {
  const listening = useMemo(() => createListening(token), [token]);
  useEffect(() => void listening.next(), [listening, transport.value]);
  useAnnouncedVotes(listening);
  const state = listening.state.value;
  const onNext = () => void listening.next();
  switch (state.phase) {
    case "loading":
      return <Loading heightPx={420} />;
    case "bad_link":
      return <Empty title={texts.badLink} text={state.message} />;
    case "failed":
      return <Failure error={state.error} onRetry={onNext} />;
    case "done": {
      const { open = true, votesGiven = 0 } = state.progress ?? {};
      return <Empty title={texts.thanks} text={(open ? texts.thanksText : texts.closed)(votesGiven)} />;
    }
    case "open": {
      const { pair, progress, busy, refusal } = state;
      const isOver = refusal !== undefined && endsPair(refusal);
      const given = progress?.votesGiven ?? 0;
      const total = given + (progress?.pairsLeft ?? 0);
      return (
        <>
          <Progress given={given} total={total} />
          <Comparison
            key={pair.id}
            title={texts.pair(given + 1, total)}
            text={pair.promptText}
            clips={{
              a: { url: pair.clipAUrl, seconds: pair.clipASeconds },
              b: { url: pair.clipBUrl, seconds: pair.clipBSeconds },
            }}
            busy={busy}
            isOver={isOver}
            onVote={(answer) => void listening.vote(answer)}
            onReload={onNext}
          >
            {refusal && (
              <Refusal error={refusal}>
                {isOver && (
                  <Button kind="main" onClick={onNext}>
                    {texts.next}
                  </Button>
                )}
              </Refusal>
            )}
          </Comparison>
        </>
      );
    }
  }
}

/** Says that a vote was recorded. After the last one, the focus that its button had goes to the heading. */
function useAnnouncedVotes(listening: Listening): void {
  const { value: state } = listening.state;
  const progress = state.phase === "open" || state.phase === "done" ? state.progress : undefined;
  const votes = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (!progress) {
      return;
    }
    if (votes.current !== undefined && progress.votesGiven > votes.current) {
      announce(texts.recorded(progress.pairsLeft));
      if (document.activeElement === document.body) {
        document.querySelector<HTMLElement>("h1")?.focus();
      }
    }
    votes.current = progress.votesGiven;
  }, [progress]);
}
