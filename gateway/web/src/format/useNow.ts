import { useEffect, useState } from "preact/hooks";
import { serverNow } from "./clock.ts";

/** Returns the server's time, and again every few seconds, so that "2 minutes ago" stays true. */
export function useNow(everyMs = 15_000): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
