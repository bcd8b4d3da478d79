// @vitest-environment jsdom
import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import { apiKey } from "../app/keys.ts";
import { useLive } from "./live.ts";

const signals: AbortSignal[] = [];

function Shown() {
  useLive<string>(
    {
      open: async function* (signal) {
        signals.push(signal);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
      onMessage: () => undefined,
    },
    [],
  );
  return null;
}

afterEach(() => {
  render(null, document.body);
  apiKey.value = undefined;
});

test("another API key opens the stream again", async () => {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("visible");
  render(<Shown />, document.body);
  await vi.waitFor(() => expect(signals.length).toBe(1));
  apiKey.value = "kc_1";
  await vi.waitFor(() => expect(signals.map((signal) => signal.aborted)).toEqual([true, false]));
});
