import { expect, it } from "vitest";
import { ApiError, Code } from "../rpc/errors.ts";
import { endsPair } from "./refused.ts";

it("a vote that came too early can be repeated, and one for a pair that is over can't", () => {
  const refused = (status: string) =>
    endsPair(new ApiError(Code.ABORTED, "", { reason: "WRONG_STATE", metadata: { status } }));
  expect(["not_fetched", "not_heard"].map(refused)).toEqual([false, false]);
  expect(["answered", "decided", "void", "preparing", "closed"].map(refused)).toEqual([true, true, true, true, true]);
  expect(endsPair(new ApiError(Code.NOT_FOUND, "", { reason: "NOT_FOUND" }))).toBe(true);
  expect(endsPair(new ApiError(Code.UNAVAILABLE, ""))).toBe(false);
});
