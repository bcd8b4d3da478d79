import type { ComponentChildren } from "preact";
import { useTitle } from "../app/title.ts";
import "./page.css";

interface PageProps {
  /** The heading, and the title of the document. */
  title: string;
  /** One sentence under the heading. */
  lead?: ComponentChildren;
  /** Buttons beside the heading. */
  actions?: ComponentChildren;
  children?: ComponentChildren;
}

/** The frame of a screen: the one h1, which gets the focus when the screen is opened. */
export function Page({ title, lead, actions, children }: PageProps) {
  useTitle(title);
  return (
    <div class="page">
      <div class="page-head">
        <div>
          <h1 tabIndex={-1} dir="auto">
            {title}
          </h1>
          {lead && <p class="page-lead">{lead}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** A part of a screen with its heading. */
export function Section({ title, actions, children }: Omit<PageProps, "lead">) {
  return (
    <section class="section">
      <div class="page-head">
        <h2>{title}</h2>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
