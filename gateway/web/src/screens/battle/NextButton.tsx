import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../parts/Button.tsx";
import { battle as texts } from "../../strings/battle.ts";

/** Goes on to the next battle. With `isFocused` it takes the focus that the answers had, so that Enter goes on. */
export function NextButton({ onNext, isFocused = false }: { onNext: () => void; isFocused?: boolean }) {
  const frame = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (isFocused) {
      frame.current?.querySelector("button")?.focus({ preventScroll: true });
    }
  }, []);
  return (
    <span ref={frame}>
      <Button kind="main" onClick={onNext}>
        {texts.next}
      </Button>
    </span>
  );
}
