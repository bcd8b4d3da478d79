// The anonymous session with which a person votes, one for each browser. It is created when it is first needed.

import { readStored, store } from "../app/stored.ts";
import { isDemo } from "../demo/state.ts";
import { call } from "../rpc/client.ts";
import { ApiError, Code } from "../rpc/errors.ts";

const NAME = "voter_session";

/** Returns the token of the stored session, undefined if there is none. */
export function storedSession(): string | undefined {
  return readStored("browser", NAME);
}

export function storeSession(token: string): void {
  store("browser", NAME, token);
}

/** Calls `act` with the token of a session. A session that is no longer valid is replaced by a new one, once. */
export async function withVoter<T>(act: (token: string) => Promise<T>): Promise<T> {
  const token = await session(undefined);
  try {
    return await act(token);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== Code.UNAUTHENTICATED) {
      throw error;
    }
    return act(await session(token));
  }
}

/** Returns the stored session if it is another than `invalid`, else a new one. */
function session(invalid: string | undefined): Promise<string> {
  return alone(async () => {
    const stored = storedSession();
    if (isDemo.peek()) {
      // Demo data answers everybody.
      return stored ?? "";
    }
    if (stored && stored !== invalid) {
      return stored;
    }
    // Only the first visit needs this service.
    const { AuthService } = await import("../../gen/voicearena/auth/v1/auth_service_pb.js");
    const { sessionToken } = await call(AuthService.method.createVoter, {}, { credential: null });
    storeSession(sessionToken);
    return sessionToken;
  });
}

// Two tabs that open at once must share one session. Pages without encryption have no locks; their tabs then use the
// session that was stored last.
async function alone<T>(act: () => Promise<T>): Promise<T> {
  return navigator.locks ? await navigator.locks.request(NAME, act) : act();
}
