// One listener in one listening test: join, hear a pair, vote, hear the next one.

import { type ReadonlySignal, signal } from "@preact/signals";
import type { ListenerProgress, ListeningPair } from "../../../gen/voicearena/experiments/v1/listening_pb.js";
import {
  type JoinListeningResponse,
  ListeningService,
} from "../../../gen/voicearena/experiments/v1/listening_service_pb.js";
import { ANSWER_NUMBERS, type Answer } from "../../comparison/answers.ts";
import { castHeard } from "../../comparison/cast.ts";
import { countVote } from "../../comparison/pause.ts";
import { endsPair } from "../../comparison/refused.ts";
import { storedSession, storeSession } from "../../comparison/voter.ts";
import { call } from "../../rpc/client.ts";
import { ApiError, Code } from "../../rpc/errors.ts";

const { method } = ListeningService;

export interface OpenPair {
  readonly phase: "open";
  readonly pair: ListeningPair;
  readonly progress: ListenerProgress | undefined;
  readonly busy: boolean;
  /** Why the last vote was refused. */
  readonly refusal?: ApiError | undefined;
}

export type ListeningState =
  | { readonly phase: "loading" }
  | OpenPair
  /** Nothing is left for this listener, or the test takes no more votes. */
  | { readonly phase: "done"; readonly progress: ListenerProgress | undefined }
  /** The link is expired, revoked, incomplete, or belongs to a deleted experiment. The message says which. */
  | { readonly phase: "bad_link"; readonly message: string }
  | { readonly phase: "failed"; readonly error: ApiError };

export interface Listening {
  readonly state: ReadonlySignal<ListeningState>;
  /** Joins if necessary, and gets the current pair. */
  next(): Promise<void>;
  vote(answer: Answer): Promise<void>;
}

/** Returns a listener of a link, who has not joined yet. The token is sent in the body of the calls only. */
export function createListening(token: string): Listening {
  const state = signal<ListeningState>({ phase: "loading" });
  let listener = "";

  async function next(): Promise<void> {
    state.value = { phase: "loading" };
    try {
      listener ||= (await join(token)).listener;
      const { pair, progress } = await call(method.nextListeningPair, { token, listener }, { credential: null });
      state.value = pair ? { phase: "open", pair, progress, busy: false } : { phase: "done", progress };
    } catch (error) {
      state.value = stateOf(ApiError.from(error));
    }
  }

  async function vote(answer: Answer): Promise<void> {
    const open = state.peek();
    if (open.phase !== "open" || open.busy || (open.refusal && endsPair(open.refusal))) {
      return;
    }
    const { pair, progress } = open;
    state.value = { phase: "open", pair, progress, busy: true };
    try {
      const request = { token, listener, pairId: pair.id, answer: ANSWER_NUMBERS[answer] };
      await castHeard(() => call(method.castListeningVote, request, { credential: null }));
    } catch (thrown) {
      const error = ApiError.from(thrown);
      state.value =
        error.code === Code.UNAUTHENTICATED
          ? stateOf(error)
          : { phase: "open", pair, progress, busy: false, refusal: error };
      return;
    }
    countVote();
    await next();
  }

  return { state, next, vote };
}

function stateOf(error: ApiError): ListeningState {
  return error.code === Code.UNAUTHENTICATED
    ? { phase: "bad_link", message: error.message }
    : { phase: "failed", error };
}

// A session that has ended is refused like a link that has. Without the session, only the link is.
async function join(token: string): Promise<JoinListeningResponse> {
  const session = storedSession();
  try {
    return await joinAs(token, session ?? null);
  } catch (error) {
    if (!session || !(error instanceof ApiError) || error.code !== Code.UNAUTHENTICATED) {
      throw error;
    }
    return await joinAs(token, null);
  }
}

async function joinAs(token: string, credential: string | null): Promise<JoinListeningResponse> {
  const joined = await call(method.joinListening, { token }, { credential });
  if (joined.sessionToken) {
    storeSession(joined.sessionToken);
  }
  return joined;
}
