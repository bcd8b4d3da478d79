import { signal } from "@preact/signals";
import render from "preact-render-to-string";
import { describe, expect, it } from "vitest";
import { AudioPlayer } from "./AudioPlayer.tsx";
import { PairPlayer } from "./PairPlayer.tsx";
import type { Pair } from "./pair.ts";
import { pairState } from "./pair.ts";
import type { Player } from "./player.ts";
import { initialState, type PlayerEvent, type PlayerState, step } from "./player_state.ts";
import { Waveform } from "./Waveform.tsx";

const nothing = () => undefined;

function player(...events: PlayerEvent[]): Player {
  const state = signal<PlayerState>(events.reduce(step, initialState(7.4)));
  return {
    state,
    position: signal(state.value.position),
    source: { url: "/x.wav", fetching: "whole", seeking: "after_first_play" },
    load: nothing,
    toggle: nothing,
    play: nothing,
    pause: nothing,
    rewind: nothing,
    seek: nothing,
    retry: nothing,
    dispose: nothing,
  };
}

const ready: PlayerEvent[] = [{ type: "load" }, { type: "ready" }];
const playing: PlayerEvent[] = [...ready, { type: "play" }, { type: "playing" }, { type: "time", at: 3.2 }];

describe("a player on the page", () => {
  it("says what its button does and where it is", () => {
    const html = render(<AudioPlayer player={player(...playing)} name="clip A" />);
    expect(html).toContain('aria-label="Pause clip A"');
    expect(html).toContain('aria-valuetext="0:03 of 0:07"');
    expect(html).toContain("You can move within a clip once you have heard all of it.");
  });

  it("has a sentence and Retry for a failure", () => {
    const html = render(<AudioPlayer player={player({ type: "fail", failure: "expired" })} name="clip A" />);
    expect(html).toContain("The link to this sound is no longer valid.");
    expect(html).toContain("Retry");
  });
});

describe("a pair on the page", () => {
  function pair(a: Player, b: Player): Pair {
    const players = { a, b };
    return {
      players,
      state: signal(pairState(players)),
      load: nothing,
      toggle: nothing,
      retry: nothing,
      dispose: nothing,
    };
  }

  it("offers no side while one of them is loading", () => {
    const html = render(<PairPlayer pair={pair(player(...ready), player({ type: "load" }))} />);
    expect(html.match(/<button[^>]*disabled/g)).toHaveLength(2);
    expect(html).toContain("Loading both clips");
  });

  it("shows which side was heard, in words and with a mark", () => {
    const heard = player(...playing, { type: "time", at: 7.3 }, { type: "ended" });
    const html = render(<PairPlayer pair={pair(heard, player(...ready))} shortcuts={{ a: "1", b: "2" }} />);
    expect(html).toContain("✓ heard");
    expect(html).toContain("not heard yet");
    expect(html).toContain('aria-keyshortcuts="1"');
  });
});

it("a waveform is a picture with a name", () => {
  const html = render(<Waveform peaks={{ low: new Float32Array([-1]), high: new Float32Array([1]) }} />);
  expect(html).toContain('role="img" aria-label="Waveform"');
  expect(html).toContain('viewBox="0 0 1 2"');
});
