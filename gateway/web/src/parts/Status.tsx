// One polite live region for the whole page. Screen readers read it; everybody sees it for a while.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import "./status.css";

const SHOWN_MS = 6_000;

const message = signal({ text: "", number: 0, isSeen: true });

/**
 * Says something that happened: "Copied", "The vote is counted". With `isSeen` false, only screen readers get the text,
 * because the page shows it already.
 */
export function announce(text: string, isSeen = true): void {
  message.value = { text, number: message.peek().number + 1, isSeen };
}

export function Status() {
  const { text, number, isSeen } = message.value;
  useEffect(() => {
    const timer = setTimeout(() => {
      message.value = { text: "", number, isSeen };
    }, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [number]);
  return (
    <div class="status" role="status">
      {/* A new element for each message, so that the same text is read again. */}
      {text && (
        <p key={number} class={isSeen ? undefined : "visually-hidden"}>
          {text}
        </p>
      )}
    </div>
  );
}
