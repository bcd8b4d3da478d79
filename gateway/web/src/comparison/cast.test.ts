import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError, Code } from "../rpc/errors.ts";
import { castHeard } from "./cast.ts";

const refused = (metadata: Record<string, string>) =>
  new ApiError(Code.ABORTED, "Refused.", { reason: "WRONG_STATE", metadata });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a vote of somebody who heard both clips", () => {
  it("is repeated when the server says that it can count", async () => {
    const cast = vi.fn();
    cast.mockRejectedValueOnce(refused({ status: "not_heard", wait_seconds: "2" })).mockResolvedValueOnce("counted");
    const answer = castHeard(cast);
    await vi.advanceTimersByTimeAsync(1999);
    expect(cast).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await answer).toBe("counted");
  });

  it("is repeated while the gateway has not reported a clip, but not for ever", async () => {
    const cast = vi.fn().mockRejectedValue(refused({ status: "not_fetched" }));
    const answer = castHeard(cast);
    void answer.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(10_000);
    await expect(answer).rejects.toThrow("Refused.");
    expect(cast).toHaveBeenCalledTimes(3);
  });

  it.each([
    { status: "not_heard", wait_seconds: "20" },
    { status: "not_heard" },
    { status: "answered", wait_seconds: "1" },
  ])("is refused at once for any other reason: %o", async (metadata) => {
    const cast = vi.fn().mockRejectedValue(refused(metadata as Record<string, string>));
    await expect(castHeard(cast)).rejects.toThrow("Refused.");
    expect(cast).toHaveBeenCalledOnce();
  });
});
