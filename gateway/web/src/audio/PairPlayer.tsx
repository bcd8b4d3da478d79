import type { ComponentChildren } from "preact";
import { percent } from "../format/number.ts";
import { Button } from "../parts/Button.tsx";
import { audio } from "../strings/audio.ts";
import { PlayButton } from "./PlayButton.tsx";
import { type Pair, SIDES, type Side } from "./pair.ts";
import { maySeek } from "./player.ts";
import { Seekbar } from "./Seekbar.tsx";
import "./pair.css";

interface PairPlayerProps {
  pair: Pair;
  /** What is shown in the card of a side, such as who spoke. */
  children?: (side: Side) => ComponentChildren;
  /** The key that plays a side, if keys are on. */
  shortcuts?: Readonly<Record<Side, string>> | undefined;
  /** What stands instead of Retry, if loading again can't help. */
  otherwise?: ComponentChildren;
}

/** The players of a blind comparison. Both are offered together. */
export function PairPlayer({ pair, children, shortcuts, otherwise }: PairPlayerProps) {
  const { ready, loaded, playing, heardA, heardB, failure } = pair.state.value;
  return (
    <div class="pair">
      {SIDES.map((side) => {
        const player = pair.players[side];
        const heard = side === "a" ? heardA : heardB;
        const name = audio.clip(side);
        return (
          <section key={side} class="pair-side" aria-label={name} data-playing={playing === side}>
            <div class="pair-head">
              <PlayButton
                player={player}
                name={name}
                onPress={() => pair.toggle(side)}
                disabled={!ready}
                shortcut={shortcuts?.[side]}
              />
              <h2 class="pair-letter">{side.toUpperCase()}</h2>
              <span class="pair-heard" data-heard={heard}>
                {ready || failure ? (
                  heard ? (
                    `✓ ${audio.heard}`
                  ) : (
                    audio.notHeard
                  )
                ) : (
                  <span aria-hidden="true">{audio.loading(percent(loaded))}</span>
                )}
              </span>
              {shortcuts && (
                <span class="key" aria-hidden="true">
                  {shortcuts[side]}
                </span>
              )}
            </div>
            <div class="player-row">
              <Seekbar
                time={player.position}
                duration={player.state.value.duration}
                name={name}
                onSeek={ready && maySeek(player.source, player.state.value) ? player.seek : undefined}
              />
            </div>
            {children?.(side)}
          </section>
        );
      })}
      {!ready && !failure && (
        <p class="visually-hidden" role="status">
          {audio.bothLoading}
        </p>
      )}
      {failure && (
        <div class="player-failure" role="alert">
          <p>{audio.failures[failure]}</p>
          {otherwise ?? <Button onClick={pair.retry}>{audio.retry}</Button>}
        </div>
      )}
    </div>
  );
}
