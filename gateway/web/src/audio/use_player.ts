import { useEffect, useMemo } from "preact/hooks";
import { createPlayer, type Player, type Source } from "./player.ts";

/** Returns a player of a sound for as long as the component shows it. Another URL makes another player. */
export function usePlayer(source: Source): Player {
  const player = useMemo(() => createPlayer(source), [source.url]);
  useEffect(() => {
    player.load();
    return () => player.dispose();
  }, [player]);
  return player;
}

/** Returns a URL of bytes that are in memory. It is valid while the component shows them. */
export function useBlobUrl(blob: Blob): string {
  const url = useMemo(() => URL.createObjectURL(blob), [blob]);
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  return url;
}
