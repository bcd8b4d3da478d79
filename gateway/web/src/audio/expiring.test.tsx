// @vitest-environment jsdom
import { type Signal, signal } from "@preact/signals";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test, vi } from "vitest";
import { useExpiringPlayer } from "./expiring.ts";
import type { Player, Source } from "./player.ts";
import { initialState, type PlayerEvent, type PlayerState, step } from "./player_state.ts";

const players: { url: string; state: Signal<PlayerState> }[] = [];

vi.mock("./player.ts", () => ({
  createPlayer: (source: Source): Partial<Player> => {
    const state = signal(initialState());
    players.push({ url: source.url, state });
    return { state, load: () => undefined, retry: () => happens({ type: "load" }), dispose: () => undefined };
  },
}));

const onExpired = vi.fn();
let retry: () => void;

function Clip({ url }: { url: string }) {
  ({ retry } = useExpiringPlayer({ url, fetching: "streamed", seeking: "free" }, onExpired));
  return null;
}

const show = (url: string) => act(() => render(<Clip url={url} />, document.body));

function happens(...events: PlayerEvent[]): Promise<void> {
  return act(() => {
    for (const event of events) {
      const last = players.at(-1);
      if (last) {
        last.state.value = step(last.state.value, event);
      }
    }
  });
}

const FAILS: PlayerEvent[] = [{ type: "load" }, { type: "fail", failure: "network" }];

afterEach(() => {
  render(null, document.body);
  players.length = 0;
  onExpired.mockClear();
});

test("a link that fails is read again once, and the new one is played", async () => {
  await show("/old");
  await happens(...FAILS);
  expect(onExpired).toHaveBeenCalledTimes(1);
  await show("/new");
  expect(players.map(({ url }) => url)).toEqual(["/old", "/new"]);
  await happens(...FAILS);
  expect(onExpired).toHaveBeenCalledTimes(1);
  await act(() => retry());
  await happens(...FAILS);
  expect(onExpired).toHaveBeenCalledTimes(2);
});

test("another link does not cut off what plays, and is used when the first one fails", async () => {
  await show("/old");
  await happens({ type: "load" }, { type: "ready" });
  await show("/new");
  expect(players.map(({ url }) => url)).toEqual(["/old"]);
  await happens(...FAILS);
  expect(players.map(({ url }) => url)).toEqual(["/old", "/new"]);
  expect(onExpired).not.toHaveBeenCalled();
});
