import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { hasHeadphones, setup } from "../audio/setup.ts";
import { Loading } from "../parts/Loading.tsx";
import { comparison as texts } from "../strings/comparison.ts";

/** The optional checks. They are loaded when they are opened. */
export function SetupChecks() {
  const checks = useSignal<ComponentType | "failed" | undefined>(undefined);
  const load = () => {
    import("./checks.tsx").then(
      (chunk) => {
        checks.value = chunk.Checks;
      },
      () => {
        checks.value = "failed";
      },
    );
  };
  const isDone = setup.value.level !== undefined && hasHeadphones(setup.value) !== undefined;
  const Checks = checks.value;
  return (
    <details class="setup" onToggle={(event) => event.currentTarget.open && load()}>
      <summary>
        {texts.setup.title} <span class="votes-hint">({isDone ? texts.setup.done : texts.setup.optional})</span>
      </summary>
      {Checks === "failed" ? <p role="alert">{texts.setup.failed}</p> : Checks ? <Checks /> : <Loading lines={6} />}
    </details>
  );
}
