// The battles of a visitor, one after the other: wait for one, hear it, vote, see who spoke.

import { type ReadonlySignal, signal } from "@preact/signals";
import {
  BattleService,
  type NextBattleResponse,
  type VoteInBattleResponse,
} from "../../../gen/voicearena/elo/v1/battle_service_pb.js";
import { store } from "../../app/stored.ts";
import { ANSWER_NUMBERS, type Answer } from "../../comparison/answers.ts";
import { castHeard } from "../../comparison/cast.ts";
import { countVote } from "../../comparison/pause.ts";
import { endsPair } from "../../comparison/refused.ts";
import { withVoter } from "../../comparison/voter.ts";
import { isDemo } from "../../demo/state.ts";
import { sleep } from "../../rpc/backoff.ts";
import { call } from "../../rpc/client.ts";
import { ApiError } from "../../rpc/errors.ts";
import { demoTexts } from "../../strings/demo.ts";

/** The stored name of the battle that was answered last, in any tab. */
export const ANSWERED = "answered_battle";
const DEFAULT_WAIT_SECONDS = 5;

export interface OpenBattle {
  readonly phase: "open";
  readonly battle: NextBattleResponse;
  readonly busy: boolean;
  /** Why the last vote was refused. */
  readonly refusal?: ApiError | undefined;
  /** Why the battle takes no more votes, if it was not a vote that showed it. */
  readonly ended?: string | undefined;
}

export type BattleState =
  | { readonly phase: "loading" }
  | { readonly phase: "waiting"; readonly message: string; readonly seconds: number }
  | { readonly phase: "failed"; readonly error: ApiError }
  | OpenBattle
  | {
      readonly phase: "revealed";
      readonly battle: NextBattleResponse;
      readonly answer: Answer;
      readonly reveal: VoteInBattleResponse;
    };

export interface Wish {
  readonly category: string;
  readonly language: string;
}

export interface Battles {
  readonly state: ReadonlySignal<BattleState>;
  /** Gets a battle, and asks again while none is ready, after as long as the server says. */
  next(wish: Wish): Promise<void>;
  /** Gets a battle after the server went away or came back. A battle of the server that is shown stays. */
  reconnect(wish: Wish): Promise<void>;
  vote(answer: Answer): Promise<void>;
  /** Ends the battle that is shown, because it takes no more votes. */
  end(battleId: string, why: string): void;
  dispose(): void;
}

/** Returns the battles of a visitor. It asks for none yet. */
export function createBattles(): Battles {
  const state = signal<BattleState>({ phase: "loading" });
  let asking = new AbortController();
  let isFromDemo = false;

  async function next(wish: Wish): Promise<void> {
    asking.abort();
    asking = new AbortController();
    const { signal: current } = asking;
    state.value = { phase: "loading" };
    isFromDemo = isDemo.peek();
    while (!current.aborted) {
      const answer = await ask(wish, current);
      if (current.aborted) {
        return;
      }
      state.value = answer;
      if (answer.phase !== "waiting") {
        return;
      }
      await sleep(answer.seconds * 1000, current);
    }
  }

  async function reconnect(wish: Wish): Promise<void> {
    const { phase } = state.peek();
    if (isFromDemo || (phase !== "open" && phase !== "revealed")) {
      await next(wish);
    }
  }

  async function vote(answer: Answer): Promise<void> {
    const open = state.peek();
    if (open.phase !== "open" || open.busy || open.ended || (open.refusal && endsPair(open.refusal))) {
      return;
    }
    const { battle } = open;
    state.value = { phase: "open", battle, busy: true };
    try {
      const request = { id: battle.battleId, winner: ANSWER_NUMBERS[answer] };
      const reveal = await castHeard(() =>
        withVoter((credential) => call(BattleService.method.voteInBattle, request, { credential })),
      );
      store("browser", ANSWERED, battle.battleId);
      countVote();
      state.value = { phase: "revealed", battle, answer, reveal };
    } catch (error) {
      state.value = { phase: "open", battle, busy: false, refusal: ApiError.from(error) };
    }
  }

  function end(battleId: string, why: string): void {
    const now = state.peek();
    // A vote that is on its way has its own answer.
    if (now.phase === "open" && !now.busy && now.battle.battleId === battleId) {
      state.value = { ...now, ended: why };
    }
  }

  return { state, next, reconnect, vote, end, dispose: () => asking.abort() };
}

async function ask(wish: Wish, signal: AbortSignal): Promise<BattleState> {
  try {
    if (isDemo.peek()) {
      const battle = await call(BattleService.method.nextBattle, { ...wish }, { credential: null, signal });
      return { phase: "open", battle, busy: false, ended: demoTexts.unvotable };
    }
    const battle = await withVoter((credential) =>
      call(BattleService.method.nextBattle, { ...wish }, { credential, signal }),
    );
    return { phase: "open", battle, busy: false };
  } catch (thrown) {
    const error = ApiError.from(thrown);
    if (error.reason === "NOT_READY") {
      return { phase: "waiting", message: error.message, seconds: error.retryAfterSeconds ?? DEFAULT_WAIT_SECONDS };
    }
    return { phase: "failed", error };
  }
}
