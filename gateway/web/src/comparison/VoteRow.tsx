import type { Side } from "../audio/pair.ts";
import { comparison as texts } from "../strings/comparison.ts";
import { ANSWERS, type Answer } from "./answers.ts";
import { ANSWER_KEYS, keysOn } from "./keys.ts";
import "./comparison.css";

interface VoteRowProps {
  /** What must still be heard. */
  missing: Side | "both" | undefined;
  busy: boolean;
  onVote: (answer: Answer) => void;
}

/** The four answers. A press that comes too early says what must be heard first, so no button is dead. */
export function VoteRow({ missing, busy, onVote }: VoteRowProps) {
  return (
    <fieldset class="votes" aria-describedby="votes-hint">
      <legend>{texts.question}</legend>
      <div class="votes-row">
        {ANSWERS.map((answer) => (
          <button
            key={answer}
            type="button"
            class="vote"
            aria-disabled={missing !== undefined || busy}
            aria-keyshortcuts={keysOn.value ? ANSWER_KEYS[answer] : undefined}
            onClick={() => onVote(answer)}
          >
            <span>{texts.answers[answer]}</span>
            {keysOn.value && (
              <span class="key" aria-hidden="true">
                {ANSWER_KEYS[answer]}
              </span>
            )}
          </button>
        ))}
      </div>
      <p id="votes-hint" class="votes-hint" role="status">
        {busy ? texts.sending : missing ? texts.hearFirst[missing] : texts.canVote}
      </p>
    </fieldset>
  );
}
