import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, Code } from "./errors.ts";
import { loadWithRetries } from "./query.ts";

const signal = new AbortController().signal;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function result<T>(loading: Promise<T>): Promise<T | ApiError> {
  const settled = loading.catch((error: ApiError) => error);
  await vi.advanceTimersByTimeAsync(60_000);
  return settled;
}

test("a read is tried again after an error that can pass", async () => {
  const load = vi.fn().mockRejectedValueOnce(new ApiError(Code.UNAVAILABLE, "")).mockResolvedValue(7);
  expect(await result(loadWithRetries(load, signal))).toBe(7);
  expect(load).toHaveBeenCalledTimes(2);
});

test("a read is tried three times", async () => {
  const load = vi.fn().mockRejectedValue(new ApiError(Code.UNAVAILABLE, "gone"));
  expect(await result(loadWithRetries(load, signal))).toMatchObject({ message: "gone" });
  expect(load).toHaveBeenCalledTimes(3);
});

test.each([
  ["can't pass", new ApiError(Code.NOT_FOUND, "")],
  ["is about a quota", new ApiError(Code.RESOURCE_EXHAUSTED, "", { reason: "QUOTA_EXCEEDED" })],
  ["is about a request that is too large", new ApiError(Code.RESOURCE_EXHAUSTED, "", { reason: "REQUEST_TOO_LARGE" })],
  ["asks for a long pause", new ApiError(Code.RESOURCE_EXHAUSTED, "", { retryAfter: "30" })],
])("a read is not tried again after an error that %s", async (_, error) => {
  const load = vi.fn().mockRejectedValue(error);
  expect(await result(loadWithRetries(load, signal))).toBe(error);
  expect(load).toHaveBeenCalledTimes(1);
});

test("the pause is at least what the server asks for", async () => {
  const error = new ApiError(Code.RESOURCE_EXHAUSTED, "", { retryAfter: "4" });
  const load = vi.fn().mockRejectedValueOnce(error).mockResolvedValue(7);
  const loading = loadWithRetries(load, signal);
  await vi.advanceTimersByTimeAsync(3_900);
  expect(load).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(100);
  expect(await loading).toBe(7);
});

test("a read that is not wanted any more is not tried again", async () => {
  const gone = new AbortController();
  const load = vi.fn().mockRejectedValue(new ApiError(Code.UNAVAILABLE, ""));
  const loading = result(loadWithRetries(load, gone.signal));
  gone.abort();
  await loading;
  expect(load).toHaveBeenCalledTimes(1);
});
