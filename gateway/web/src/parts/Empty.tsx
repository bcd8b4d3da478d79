import type { ComponentChildren } from "preact";
import { Command } from "./Copy.tsx";
import "./empty.css";

interface EmptyProps {
  title: string;
  text?: string;
  /** A command to copy that changes the emptiness. */
  command?: string;
  action?: ComponentChildren;
  /** Whether it stands for the whole screen, so that its title is the heading of the page. */
  isPage?: boolean;
}

/** Says that there is nothing, and what to do next. */
export function Empty({ title, text, command, action, isPage }: EmptyProps) {
  return (
    <div class="empty">
      {isPage ? <h1 tabIndex={-1}>{title}</h1> : <p class="empty-title">{title}</p>}
      {text && <p>{text}</p>}
      {command && <Command text={command} />}
      {action && <p class="actions">{action}</p>}
    </div>
  );
}
