import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { IDLE_SECONDS, onThisOrigin } from "./fetch_sound.ts";
import { createPlayer, type Player, type Source } from "./player.ts";

const LENGTH = 4;
const CLIP: Source = {
  url: "http://arena.example/api/v1/battle-clips/clp_1.wav",
  seconds: LENGTH,
  fetching: "whole",
  seeking: "after_first_play",
};
const RECORDING: Source = { url: "/api/v1/audio/x.wav?signature=s", fetching: "streamed", seeking: "free" };

/** An audio element that plays when the test says so. */
class FakeAudio extends EventTarget {
  currentTime = 0;
  duration = Number.NaN;
  seeking = false;
  volume = 1;
  preload = "";
  src = "";
  refusal: Error | undefined;

  getAttribute(): string | null {
    return this.src || null;
  }
  removeAttribute(): void {
    this.src = "";
  }
  load(): void {
    if (this.src) {
      this.duration = LENGTH;
      this.happens("loadedmetadata");
    }
  }
  play(): Promise<void> {
    if (this.refusal) {
      return Promise.reject(this.refusal);
    }
    this.happens("play");
    this.happens("playing");
    return Promise.resolve();
  }
  pause(): void {
    this.happens("pause");
  }
  happens(name: string, at = this.currentTime): void {
    this.currentTime = at;
    this.dispatchEvent(new Event(name));
  }
  playsToTheEnd(): void {
    this.happens("timeupdate", LENGTH);
    this.happens("ended");
  }
}

function make(source: Source): { player: Player; audio: FakeAudio } {
  const audio = new FakeAudio();
  return { player: createPlayer(source, audio as unknown as HTMLAudioElement), audio };
}

async function ready(source: Source): Promise<{ player: Player; audio: FakeAudio }> {
  const made = make(source);
  made.player.load();
  await vi.waitFor(() => expect(made.player.state.value.phase).toBe("ready"));
  return made;
}

const answers = vi.fn<(url: string, init?: RequestInit) => Promise<Response>>();
const bytes = () => Promise.resolve(new Response(new Uint8Array(8), { headers: { "content-length": "8" } }));

beforeEach(() => {
  answers.mockReset();
  answers.mockImplementation(bytes);
  vi.stubGlobal("fetch", answers);
  vi.stubGlobal("location", new URL("http://127.0.0.1:8080/leaderboard"));
  vi.stubGlobal("requestAnimationFrame", () => 1);
  vi.stubGlobal("cancelAnimationFrame", () => undefined);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the address of a sound", () => {
  it("is on the origin of the page, whatever public address the mesh has", () => {
    expect(onThisOrigin(CLIP.url)).toBe("/api/v1/battle-clips/clp_1.wav");
    expect(onThisOrigin(RECORDING.url)).toBe(RECORDING.url);
    expect(onThisOrigin("blob:http://127.0.0.1:8080/1")).toBe("blob:http://127.0.0.1:8080/1");
  });
});

describe("a clip of a comparison", () => {
  it("is fetched whole before it plays", async () => {
    const { player, audio } = make(CLIP);
    player.play();
    expect(player.state.value.phase).toBe("idle");
    player.load();
    player.play();
    expect(player.state.value.phase).toBe("loading");
    await vi.waitFor(() => expect(player.state.value.phase).toBe("ready"));
    expect(player.state.value.loaded).toBe(1);
    expect(answers).toHaveBeenCalledOnce();
    expect(audio.src).toMatch(/^blob:/);
  });

  it("is not fetched if it is in memory already", async () => {
    const { player, audio } = await ready({ ...CLIP, url: "blob:http://127.0.0.1:8080/1" });
    expect(answers).not.toHaveBeenCalled();
    expect(audio.src).toBe("blob:http://127.0.0.1:8080/1");
    audio.happens("error");
    await vi.waitFor(() => expect(player.state.value.failure).toBe("format"));
  });

  it("plays in the handler that calls play(), before anything else can run", async () => {
    const { player } = await ready(CLIP);
    player.play();
    expect(player.state.value.phase).toBe("playing");
  });

  it("can't be skipped before its first full play, not even by media keys", async () => {
    const { player, audio } = await ready(CLIP);
    player.play();
    audio.happens("timeupdate", 1);
    player.seek(3.5);
    expect(player.state.value.position).toBe(1);
    audio.happens("seeking", 3.5);
    expect([audio.currentTime, player.state.value.position]).toEqual([1, 1]);
    audio.playsToTheEnd();
    expect(player.state.value.heardInFull).toBe(true);
    player.seek(2);
    expect([audio.currentTime, player.state.value.phase]).toEqual([2, "paused"]);
  });

  it("stops the other one on the page", async () => {
    const one = await ready(CLIP);
    const other = await ready(CLIP);
    one.player.play();
    other.player.play();
    expect([one.player.state.value.phase, other.player.state.value.phase]).toEqual(["paused", "playing"]);
  });

  it("follows the media keys", async () => {
    const { player, audio } = await ready(CLIP);
    audio.happens("play");
    audio.happens("playing");
    expect(player.state.value.phase).toBe("playing");
    audio.happens("pause");
    expect(player.state.value.phase).toBe("paused");
  });

  it.each([
    [404, "not_found"],
    [401, "expired"],
    [503, "busy"],
  ])("says what the status %i means, and loads on Retry", async (status, failure) => {
    answers.mockImplementationOnce(() => Promise.resolve(new Response("", { status })));
    const { player } = make(CLIP);
    player.load();
    await vi.waitFor(() => expect(player.state.value.failure).toBe(failure));
    player.retry();
    await vi.waitFor(() => expect(player.state.value.phase).toBe("ready"));
  });

  it("says that the network failed, and that bytes are no sound", async () => {
    answers.mockImplementationOnce(() => Promise.reject(new TypeError("Failed to fetch")));
    const { player } = make(CLIP);
    player.load();
    await vi.waitFor(() => expect(player.state.value.failure).toBe("network"));
    const other = await ready(CLIP);
    other.audio.happens("error");
    expect(other.player.state.value.failure).toBe("format");
  });

  it("says that the browser refused to play", async () => {
    const { player, audio } = await ready(CLIP);
    audio.refusal = new DOMException("", "NotAllowedError");
    player.play();
    await vi.waitFor(() => expect(player.state.value.failure).toBe("blocked"));
  });

  it("gives up if no byte comes", async () => {
    vi.useFakeTimers();
    answers.mockImplementation(
      (_, init) =>
        new Promise((_resolve, reject) => {
          init?.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
        }),
    );
    const { player } = make(CLIP);
    player.load();
    await vi.advanceTimersByTimeAsync(IDLE_SECONDS * 1000 - 1);
    expect(player.state.value.phase).toBe("loading");
    await vi.advanceTimersByTimeAsync(1);
    expect(player.state.value.failure).toBe("timeout");
  });
});

describe("a recording", () => {
  it("plays while it arrives, from its own URL, so that the browser fetches ranges", async () => {
    const { player, audio } = await ready(RECORDING);
    expect([audio.src, audio.preload]).toEqual([RECORDING.url, "metadata"]);
    expect(answers).not.toHaveBeenCalled();
    player.seek(3);
    expect([audio.currentTime, player.position.value]).toEqual([3, 3]);
  });

  it("gives up if the data stops coming, and goes on from the same place after Retry", async () => {
    const { player, audio } = await ready(RECORDING);
    vi.useFakeTimers();
    player.play();
    audio.happens("timeupdate", 1.5);
    audio.happens("waiting");
    expect(player.state.value.phase).toBe("buffering");
    vi.advanceTimersByTime(IDLE_SECONDS * 1000);
    expect([player.state.value.phase, player.state.value.failure]).toEqual(["failed", "timeout"]);
    player.retry();
    expect([player.state.value.phase, audio.currentTime]).toEqual(["paused", 1.5]);
  });

  it("asks the server why the element failed", async () => {
    answers.mockImplementation(() => Promise.resolve(new Response("", { status: 403 })));
    const { player, audio } = await ready(RECORDING);
    audio.happens("error");
    await vi.waitFor(() => expect(player.state.value.failure).toBe("expired"));
    expect(new Headers(answers.mock.calls[0]?.[1]?.headers).get("range")).toBe("bytes=0-0");
  });

  it("makes no sound and no state once it is disposed", async () => {
    const { player, audio } = await ready(RECORDING);
    player.play();
    player.dispose();
    expect(audio.src).toBe("");
    audio.happens("error");
    expect(player.state.value.phase).toBe("paused");
  });
});
