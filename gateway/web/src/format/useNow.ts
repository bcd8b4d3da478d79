import { useEffect, useState } from "preact/hooks";
import { serverNow } from "./clock.ts";

const INTERVAL_MS = 15_000;

/** Returns the server's time, and again every few seconds, so that "2 minutes ago" stays true. */
export function useNow(): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), INTERVAL_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
