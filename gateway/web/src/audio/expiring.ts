import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Player, Source } from "./player.ts";
import { usePlayer } from "./use_player.ts";

/**
 * Returns a player of a sound whose link expires, and what its Retry does. Each time the link is read it is another one.
 * The first one stays until it fails, so that what plays is not cut off. Then `onExpired` must read the link again, once.
 */
export function useExpiringPlayer(source: Source, onExpired: () => void): { player: Player; retry: () => void } {
  const url = useSignal(source.url);
  const hasAsked = useRef(false);
  const player = usePlayer({ ...source, url: url.value });
  const { phase } = player.state.value;
  useEffect(() => {
    if (phase === "failed" && url.value !== source.url) {
      url.value = source.url;
    } else if (phase === "failed" && !hasAsked.current) {
      hasAsked.current = true;
      onExpired();
    } else if (phase === "ready" || phase === "playing") {
      hasAsked.current = false;
    }
  }, [phase, source.url]);
  const retry = () => {
    hasAsked.current = false;
    player.retry();
  };
  return { player, retry };
}
