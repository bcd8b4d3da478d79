import { useId } from "preact/hooks";
import { listen as texts } from "../../strings/listen.ts";

/** How many pairs the listener has judged. */
export function Progress({ given, total }: { given: number; total: number }) {
  const id = useId();
  return (
    <p class="listen-progress">
      <label for={id}>{texts.progress(given, total)}</label>
      <progress id={id} max={Math.max(total, 1)} value={given} />
    </p>
  );
}
