import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../parts/Button.tsx";
import { Command } from "../../parts/Copy.tsx";
import { battle as texts } from "../../strings/battle.ts";

interface NotReadyProps {
  state: { readonly message: string; readonly seconds: number };
  onRetry: () => void;
}

/** Says that no battle is ready, and when it is asked for again. The countdown is not read aloud. */
export function NotReady({ state, onRetry }: NotReadyProps) {
  const left = useSignal(Math.ceil(state.seconds));
  useEffect(() => {
    left.value = Math.ceil(state.seconds);
    const timer = setInterval(() => {
      left.value = Math.max(left.value - 1, 0);
    }, 1000);
    return () => clearInterval(timer);
  }, [state]);
  return (
    <div class="empty">
      <div role="status">
        <p class="empty-title">{texts.waiting}</p>
        <p>{state.message}</p>
      </div>
      <p class="actions">
        <Button onClick={onRetry}>{texts.tryNow}</Button> <span aria-hidden="true">{texts.nextTry(left.value)}</span>
      </p>
      <p>{texts.makeOne}</p>
      <Command text="arena battle create" />
    </div>
  );
}
