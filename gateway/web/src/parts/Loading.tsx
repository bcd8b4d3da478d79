import { useLayoutEffect, useRef } from "preact/hooks";
import { en } from "../strings/en.ts";
import "./loading.css";

/** Stands in place of what is loading and has its height: that of lines, or pixels for a chart. So nothing jumps. */
export function Loading({ lines = 5, heightPx }: { lines?: number; heightPx?: number }) {
  const block = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    // Set through the DOM, because the Content-Security-Policy forbids style attributes.
    if (heightPx !== undefined) {
      block.current?.style.setProperty("height", `${heightPx}px`);
    }
  }, [heightPx]);
  return (
    <div class="loading" role="status" aria-busy="true">
      <span class="visually-hidden">{en.parts.loading}</span>
      {heightPx === undefined ? (
        Array.from({ length: lines }, (_, line) => <div key={line} class="loading-line" />)
      ) : (
        <div class="loading-block" ref={block} />
      )}
    </div>
  );
}
