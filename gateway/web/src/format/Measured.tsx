// Shows what a format returned. A dash alone says nothing when it is read aloud, so it is spoken as "not measured".

import { ABSENT } from "./number.ts";
import { exact, type Moment, machine, relative } from "./time.ts";

const NOT_MEASURED = "not measured";

export interface MeasuredProps {
  text: string;
  /** Says why there is no value, where that is known. */
  reason?: string | undefined;
}

export function Measured({ text, reason }: MeasuredProps) {
  if (text !== ABSENT) {
    return <>{text}</>;
  }
  return (
    <span class="measured-absent" title={reason}>
      <span aria-hidden="true">{ABSENT}</span>
      <span class="visually-hidden">{reason ?? NOT_MEASURED}</span>
    </span>
  );
}

/** Returns text for an aria-label or a spoken description. */
export function spoken(text: string): string {
  return text === ABSENT ? NOT_MEASURED : text;
}

/** Shows how long ago something was, with the exact moment as its tooltip. */
export function When({ at, now }: { at: Moment; now?: number | undefined }) {
  const date = machine(at);
  if (date === "") {
    return <Measured text={ABSENT} />;
  }
  return (
    <time dateTime={date} title={exact(at)}>
      {relative(at, now)}
    </time>
  );
}
