import type { ComponentChildren, JSX } from "preact";
import "./button.css";

interface ButtonProps extends Omit<JSX.IntrinsicElements["button"], "type" | "class"> {
  /** `main` is the one thing to do on a screen, `danger` deletes or revokes, `quiet` has no frame. */
  kind?: "main" | "plain" | "danger" | "quiet";
  type?: "button" | "submit";
  /** Whether its action runs. The button keeps its size and the focus, and does nothing. */
  busy?: boolean;
  children: ComponentChildren;
}

export function Button({ kind = "plain", type = "button", busy = false, onClick, children, ...rest }: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      class={`button button-${kind}`}
      aria-busy={busy}
      onClick={(event) => (busy ? event.preventDefault() : onClick?.(event))}
    >
      {children}
    </button>
  );
}
