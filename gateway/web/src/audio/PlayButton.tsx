import { audio } from "../strings/audio.ts";
import type { Player } from "./player.ts";
import { canPlay, isActive } from "./player_state.ts";
import "./player.css";

interface PlayButtonProps {
  player: Player;
  name: string;
  /** What a press does, if it is more than playing or pausing this player. */
  onPress?: () => void;
  disabled?: boolean;
  /** The key that does the same. */
  shortcut?: string;
}

/** The button that plays and pauses. Its name says what the next press does. */
export function PlayButton({ player, name, onPress = player.toggle, disabled, shortcut }: PlayButtonProps) {
  const state = player.state.value;
  const active = isActive(state);
  return (
    <button
      type="button"
      class="play-button"
      aria-label={active ? audio.pause(name) : audio.play(name)}
      aria-keyshortcuts={shortcut}
      disabled={disabled ?? !(active || canPlay(state))}
      onClick={onPress}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        {active ? <path d="M6 4h4v16H6zM14 4h4v16h-4z" /> : <path d="M7 4l13 8-13 8z" />}
      </svg>
    </button>
  );
}
