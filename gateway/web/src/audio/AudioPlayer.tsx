import { Button } from "../parts/Button.tsx";
import { audio } from "../strings/audio.ts";
import { PlayButton } from "./PlayButton.tsx";
import { maySeek, type Player } from "./player.ts";
import { Seekbar } from "./Seekbar.tsx";
import "./player.css";

interface AudioPlayerProps {
  player: Player;
  /** What it plays, as in "Play clip A". */
  name: string;
  /** What Retry does, unless it loads the same link again. */
  onRetry?: () => void;
}

/** A player with its button, its position and what went wrong. */
export function AudioPlayer({ player, name, onRetry = player.retry }: AudioPlayerProps) {
  const { failure, duration, phase } = player.state.value;
  return (
    <div class="player" data-phase={phase}>
      <div class="player-row">
        <PlayButton player={player} name={name} />
        <Seekbar
          time={player.position}
          duration={duration}
          name={name}
          onSeek={maySeek(player.source, player.state.value) ? player.seek : undefined}
        />
      </div>
      {phase === "buffering" && <p class="player-note">{audio.buffering}</p>}
      {failure && (
        <div class="player-failure" role="alert">
          <p>{audio.failures[failure]}</p>
          <Button onClick={onRetry}>{audio.retry}</Button>
        </div>
      )}
    </div>
  );
}
