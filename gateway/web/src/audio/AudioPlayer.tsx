import { Button } from "../parts/Button.tsx";
import { audio } from "../strings/audio.ts";
import { PlayButton } from "./PlayButton.tsx";
import { maySeek, type Player } from "./player.ts";
import { Seekbar } from "./Seekbar.tsx";
import "./player.css";

/** A player with its button, its position and what went wrong. `name` says what it plays, as in "Play clip A". */
export function AudioPlayer({ player, name }: { player: Player; name: string }) {
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
          <Button onClick={player.retry}>{audio.retry}</Button>
        </div>
      )}
    </div>
  );
}
