// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, Code } from "./errors.ts";
import { follow, type LivePhase, type LiveSource } from "./live.ts";

const GONE = new ApiError(Code.UNAVAILABLE, "gone");

/** A stream that is written by the test and counts how often it is open. */
class Channel {
  opened = 0;
  open = 0;
  #send: ((message: string | Error | null) => void) | undefined;

  source = async function* (this: Channel, signal: AbortSignal): AsyncGenerator<string> {
    this.opened += 1;
    this.open += 1;
    try {
      for (;;) {
        const message = await new Promise<string | Error | null>((resolve, reject) => {
          this.#send = resolve;
          signal.addEventListener("abort", () => reject(new ApiError(Code.CANCELLED, "")));
        });
        if (message === null) {
          return;
        }
        if (message instanceof Error) {
          throw message;
        }
        yield message;
      }
    } finally {
      this.open -= 1;
    }
  }.bind(this);

  async send(message: string | Error | null): Promise<void> {
    this.#send?.(message);
    await vi.advanceTimersByTimeAsync(0);
  }
}

const stops: AbortController[] = [];

function start(channel: Channel, more: Partial<LiveSource<string>> = {}) {
  const seen: string[] = [];
  const phases: LivePhase[] = [];
  const stop = new AbortController();
  stops.push(stop);
  const source = {
    open: channel.source,
    onMessage: (message: string) => void seen.push(message),
    isEnd: (message: string) => message === "end",
    ...more,
  };
  const ended = follow(source, (phase) => void (phases.at(-1) !== phase && phases.push(phase)), stop.signal);
  return { seen, phases, stop, ended };
}

async function setVisible(isVisible: boolean): Promise<void> {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(isVisible ? "visible" : "hidden");
  document.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(async () => {
  vi.useFakeTimers();
  await setVisible(true);
});

afterEach(async () => {
  for (const stop of stops.splice(0)) {
    stop.abort();
  }
  await vi.advanceTimersByTimeAsync(60_000);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("messages arrive until the source ends", async () => {
  const channel = new Channel();
  const { seen, phases, ended } = start(channel);
  await channel.send("a");
  await channel.send("end");
  await ended;
  expect(seen).toEqual(["a", "end"]);
  expect(phases).toEqual(["connecting", "live", "ended"]);
  expect(channel.open).toBe(0);
});

test.each([
  ["fails", GONE],
  ["ends without its last message", null],
])("a stream that %s is opened again", async (_, drop) => {
  const channel = new Channel();
  const { seen } = start(channel);
  await channel.send("a");
  await channel.send(drop);
  await vi.advanceTimersByTimeAsync(1_000);
  await channel.send("b");
  expect(seen).toEqual(["a", "b"]);
  expect([channel.opened, channel.open]).toEqual([2, 1]);
});

test("a stream that says nothing for 45 s is opened again", async () => {
  const channel = new Channel();
  start(channel);
  await channel.send("heartbeat");
  await vi.advanceTimersByTimeAsync(44_000);
  expect(channel.opened).toBe(1);
  await vi.advanceTimersByTimeAsync(3_000);
  expect([channel.opened, channel.open]).toEqual([2, 1]);
});

test("an error that can't pass ends it", async () => {
  const channel = new Channel();
  const { phases, ended } = start(channel);
  await channel.send(new ApiError(Code.NOT_FOUND, "no such battle"));
  await ended;
  expect(phases).toEqual(["connecting", "failed"]);
});

test("the pause after an error is at least what the server asks for", async () => {
  const channel = new Channel();
  start(channel);
  await channel.send(new ApiError(Code.RESOURCE_EXHAUSTED, "", { retryAfter: "20" }));
  await vi.advanceTimersByTimeAsync(19_000);
  expect(channel.opened).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(channel.opened).toBe(2);
});

test("a poll that is late does not end it", async () => {
  const channel = new Channel();
  const poll = vi.fn().mockRejectedValueOnce(new ApiError(Code.DEADLINE_EXCEEDED, "late")).mockResolvedValue("polled");
  const { seen, phases } = start(channel, { poll });
  for (let attempt = 0; attempt < 3; attempt++) {
    await channel.send(GONE);
    await vi.advanceTimersByTimeAsync(4_000);
  }
  expect(phases.at(-1)).toBe("connecting");
  await vi.advanceTimersByTimeAsync(6_000);
  expect(seen).toEqual(["polled"]);
});

test("a hidden tab has no stream, and opens it again when it is shown", async () => {
  const channel = new Channel();
  const { phases } = start(channel);
  await channel.send("a");
  await setVisible(false);
  expect(channel.open).toBe(0);
  expect(phases.at(-1)).toBe("paused");
  await vi.advanceTimersByTimeAsync(600_000);
  expect(channel.opened).toBe(1);
  await setVisible(true);
  expect(channel.open).toBe(1);
});

test("after three failures it polls, and returns to the stream when that works", async () => {
  const channel = new Channel();
  const poll = vi.fn().mockResolvedValue("polled");
  const { seen, phases } = start(channel, { poll });
  for (let attempt = 0; attempt < 3; attempt++) {
    await channel.send(GONE);
    await vi.advanceTimersByTimeAsync(4_000);
  }
  expect(poll).toHaveBeenCalledTimes(1);
  expect(phases.at(-1)).toBe("polling");
  await vi.advanceTimersByTimeAsync(5_000);
  await channel.send("a");
  expect(seen).toEqual(["polled", "a"]);
  expect(phases.at(-1)).toBe("live");
});

test("a tab has one stream: a newer screen takes it over, and the older one polls until it is free", async () => {
  const [older, newer] = [new Channel(), new Channel()];
  const first = start(older, { poll: () => Promise.resolve("polled") });
  await older.send("a");
  const second = start(newer);
  await newer.send("b");
  expect([older.open, newer.open]).toEqual([0, 1]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([older.open, newer.open]).toEqual([0, 1]);
  expect(first.phases.at(-1)).toBe("polling");
  expect(second.seen).toEqual(["b"]);
  second.stop.abort();
  await vi.advanceTimersByTimeAsync(5_000);
  expect([older.open, newer.open]).toEqual([1, 0]);
});

test("a screen that is left closes its stream", async () => {
  const channel = new Channel();
  const { stop, ended } = start(channel);
  await channel.send("a");
  stop.abort();
  await ended;
  expect(channel.open).toBe(0);
});
