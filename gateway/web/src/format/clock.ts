// The server's clock. That of the visitor may be wrong by hours, and "2 minutes ago" would be, too.

// A response takes time, and its date has whole seconds. Smaller differences are not a wrong clock.
const TOLERANCE_MS = 5000;

let offsetMs = 0;

/** Learns the server's time from a response: what the server said, and the visitor's time when it came. */
export function noteServerTime(serverMs: number, receivedMs: number = Date.now()): void {
  if (Number.isFinite(serverMs)) {
    const difference = serverMs - receivedMs;
    offsetMs = Math.abs(difference) > TOLERANCE_MS ? difference : 0;
  }
}

/** Returns the time of the server, as far as it is known. */
export function serverNow(): number {
  return Date.now() + offsetMs;
}

/** Returns by how much the visitor's clock is ahead, or behind if negative. 0 if it is right or nothing is known. */
export function clockErrorMs(): number {
  return offsetMs === 0 ? 0 : -offsetMs;
}
