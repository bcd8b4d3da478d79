import { en } from "../strings/en.ts";
import { Button } from "./Button.tsx";
import { announce } from "./Status.tsx";
import "./copy.css";

/** Copies a text. Returns false if the browser does not allow it. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Absent outside of secure contexts, for example at http://192.168.0.2:8080.
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.setAttribute("readonly", "");
  field.className = "visually-hidden";
  // Inside an open dialog, the rest of the page can't have the selection.
  const focused = document.activeElement;
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) {
    focused.focus();
  }
  return isCopied;
}

/** A button that copies a text. */
export function Copy({ text, label = en.parts.copy }: { text: string; label?: string }) {
  return (
    <Button kind="quiet" onClick={async () => announce((await copy(text)) ? en.parts.copied : en.parts.copyFailed)}>
      {label}
    </Button>
  );
}

/** A command, or another text to be used as it is, with a button that copies it. */
export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide command scrolls, also by keyboard */}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <Copy text={text} />
    </div>
  );
}
