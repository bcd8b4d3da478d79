import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { PairPlayer } from "../audio/PairPlayer.tsx";
import { createPair, type Side } from "../audio/pair.ts";
import type { Source } from "../audio/player.ts";
import { Volume } from "../audio/Volume.tsx";
import { Button } from "../parts/Button.tsx";
import { announce } from "../parts/Status.tsx";
import { comparison as texts } from "../strings/comparison.ts";
import type { Answer } from "./answers.ts";
import { KeysSwitch } from "./KeysSwitch.tsx";
import { actionOfKey, isField, keysOn, PLAY_KEYS } from "./keys.ts";
import { PauseOffer } from "./PauseOffer.tsx";
import { SetupChecks } from "./SetupChecks.tsx";
import { stillToHear } from "./still_to_hear.ts";
import { VoteRow } from "./VoteRow.tsx";
import "./comparison.css";

interface ComparisonProps {
  /** What both clips speak. */
  text: string;
  /** The heading above the text. */
  title: string;
  clips: Readonly<Record<Side, Pick<Source, "url" | "seconds">>>;
  /** Whether a vote is being sent. */
  busy: boolean;
  /** Whether this pair takes no more votes. */
  isOver: boolean;
  onVote: (answer: Answer) => void;
  /** Gets the pair again, if its clips can't be heard any more. */
  onReload: () => void;
  /** What stands in the card of a side. */
  side?: (side: Side) => ComponentChildren;
  /** What stands in place of the answers once the pair is over, and what was refused before. */
  children?: ComponentChildren;
}

// Whether a pair was shown before. The first one leaves the focus where the browser put it.
let isFollowing = false;

/** A blind comparison: the text, two players, and four answers that open once both clips were heard. It belongs to one
 * pair of clips: give it a key. */
export function Comparison({ text, title, clips, busy, isOver, onVote, onReload, side, children }: ComparisonProps) {
  const pair = useMemo(() => createPair(clips), [clips.a.url, clips.b.url]);
  useEffect(() => {
    pair.load();
    return () => pair.dispose();
  }, [pair]);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // The button that asked for this pair is gone, and the focus with it.
    if (isFollowing && document.activeElement === document.body) {
      heading.current?.focus({ preventScroll: true });
    }
    isFollowing = true;
  }, []);
  const { heardA, heardB, failure } = pair.state.value;
  const missing = stillToHear(heardA, heardB);

  const vote = (answer: Answer) => {
    if (isOver || busy) {
      return;
    }
    if (missing) {
      announce(texts.hearFirst[missing]);
      return;
    }
    onVote(answer);
  };
  const latestVote = useRef(vote);
  latestVote.current = vote;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { key, repeat, ctrlKey, altKey, metaKey, shiftKey } = event;
      const isInField = isField(event.target) || document.querySelector("dialog[open]") !== null;
      const action = actionOfKey({ key, repeat, ctrlKey, altKey, metaKey, shiftKey, isInField });
      if (!action || !keysOn.peek() || event.defaultPrevented) {
        return;
      }
      event.preventDefault();
      if ("play" in action) {
        pair.toggle(action.play);
      } else {
        latestVote.current(action.answer);
      }
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [pair]);

  return (
    <div class="comparison">
      <section class="prompt" aria-labelledby="prompt-title">
        <h2 id="prompt-title" ref={heading} tabIndex={-1} dir="auto">
          {title}
        </h2>
        <p class="prompt-text" dir="auto">
          {text}
        </p>
      </section>
      <PairPlayer
        pair={pair}
        shortcuts={keysOn.value ? PLAY_KEYS : undefined}
        otherwise={
          failure === "expired" || failure === "not_found" ? (
            <Button onClick={onReload}>{texts.clipsGone}</Button>
          ) : undefined
        }
      >
        {side}
      </PairPlayer>
      {!isOver && <VoteRow missing={missing} busy={busy} onVote={vote} />}
      {children}
      <PauseOffer />
      <div class="comparison-options">
        <Volume />
        <KeysSwitch />
      </div>
      <SetupChecks />
    </div>
  );
}
