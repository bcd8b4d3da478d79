import { asksForKey } from "../app/keys.ts";
import { ApiError, Code, UNREACHABLE } from "../rpc/errors.ts";
import { en } from "../strings/en.ts";
import { Button } from "./Button.tsx";
import { Copy } from "./Copy.tsx";
import "./failure.css";

function titleOf(error: ApiError): string {
  if (error.reason === "PAGE") {
    return en.parts.pageFault;
  }
  return error.reason === UNREACHABLE ? en.parts.unreachable : error.message;
}

/** Says what failed: the message, the reason and the trace id, with Retry if there is something to retry. */
export function Failure({ error: thrown, onRetry }: { error: unknown; onRetry?: () => void }) {
  const error = ApiError.from(thrown);
  const title = titleOf(error);
  return (
    <div class="failure" role="alert">
      <p class="failure-title">{title}</p>
      {error.message !== title && <p>{error.message}</p>}
      {error.violations.length > 1 && (
        <ul>
          {error.violations.map((violation) => (
            <li key={violation.field}>
              <code>{violation.field}</code>: {violation.description}
            </li>
          ))}
        </ul>
      )}
      {error.retryAfterSeconds !== undefined && <p>{en.parts.retryAfter(Math.ceil(error.retryAfterSeconds))}</p>}
      <p class="failure-details">
        {error.reason && <code>{error.reason}</code>}
        {error.traceId && (
          <>
            <span>
              {en.parts.traceId} <code>{error.traceId}</code>
            </span>
            <Copy text={error.traceId} />
          </>
        )}
      </p>
      <p class="actions">
        {onRetry && <Button onClick={onRetry}>{en.parts.retry}</Button>}
        {error.code === Code.UNAUTHENTICATED && (
          <Button
            onClick={() => {
              asksForKey.value = true;
            }}
          >
            {en.key.enter}
          </Button>
        )}
      </p>
    </div>
  );
}
