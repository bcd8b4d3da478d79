import type { ComponentChildren } from "preact";
import type { ApiError } from "../rpc/errors.ts";
import { en } from "../strings/en.ts";
import "./comparison.css";

/** Says why a vote was refused, in the server's words, and what can be done. */
export function Refusal({ error, children }: { error: ApiError; children?: ComponentChildren }) {
  return (
    <div class="refusal" role="alert">
      <p>{error.message}</p>
      {error.traceId && (
        <p class="votes-hint">
          {en.parts.traceId} <code>{error.traceId}</code>
        </p>
      )}
      {children && <p class="actions">{children}</p>}
    </div>
  );
}
