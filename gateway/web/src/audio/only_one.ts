// Only one sound plays on the page at a time.

interface Stoppable {
  pause(): void;
}

let current: Stoppable | undefined;

/** Pauses the player that plays now, because `player` starts. */
export function startsAlone(player: Stoppable): void {
  const before = current;
  current = player;
  if (before !== player) {
    before?.pause();
  }
}

/** Forgets a player that is gone. */
export function isGone(player: Stoppable): void {
  if (current === player) {
    current = undefined;
  }
}
