import type { ApiError } from "../rpc/errors.ts";
import { Code } from "../rpc/errors.ts";

// The server's `status` of a vote that can still be given.
const LATER = new Set(["not_fetched", "not_heard"]);

/** Says whether a refused vote ends the pair, so that only the next one is left. Other refusals can be repeated. */
export function endsPair(error: ApiError): boolean {
  if (error.reason === "WRONG_STATE") {
    return !LATER.has(error.metadata.status ?? "");
  }
  return error.code === Code.NOT_FOUND;
}
