// Notices that no backend answers, shows demo data meanwhile, and returns when the backend does.

import { effect } from "@preact/signals";
import { banner } from "../app/banner.ts";
import { ROUTES } from "../app/routes.ts";
import { announce } from "../parts/Status.tsx";
import { transport } from "../rpc/client.ts";
import { gateway } from "../rpc/gateway.ts";
import { doubts, reachable } from "../rpc/reachable.ts";
import { demoTexts } from "../strings/demo.ts";
import { isDemo } from "./state.ts";

const HEALTH = "/api/v1/health";
const PROBE_TIMEOUT_MS = 5_000;
const PROBE_INTERVAL_MS = 5_000;
// The data is needed if the gateway goes away; the rest makes that tab useful for longer.
const DATA_AFTER_MS = 2_000;
const REST_AFTER_MS = 15_000;

/** Returns whether a backend answers. One whose services are partly down does. */
export async function answers(): Promise<boolean> {
  try {
    const response = await fetch(HEALTH, {
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    if (response.ok) {
      return (await response.json()).status === "ok";
    }
    // Of auth itself the error names other services. The gateway says that auth is gone.
    const { details } = await response.json();
    return details?.[0]?.domain === "voicearena" && details[0].metadata?.service !== "auth";
  } catch {
    return false;
  }
}

let watching = false;

/** Probes until a backend answers. Shows demo data from the first probe that fails. */
async function watch(): Promise<void> {
  if (watching) {
    return;
  }
  watching = true;
  let wasGone = false;
  while (!(await answers())) {
    wasGone = true;
    if (!isDemo.peek()) {
      await enter();
    }
    await pause();
  }
  watching = false;
  reachable.value = true;
  if (wasGone) {
    leave();
  }
}

async function enter(): Promise<void> {
  try {
    const [{ loadData }, { demoTransport }, { DemoBanner }] = await Promise.all([
      import("./data.ts"),
      import("./transport.ts"),
      import("./DemoBanner.tsx"),
    ]);
    const data = await loadData();
    isDemo.value = true;
    banner.value = <DemoBanner capturedAt={data.captured_at} />;
    transport.value = demoTransport(data);
  } catch {
    // Without demo data the screens say that the server can't be reached.
  }
}

function leave(): void {
  if (isDemo.peek()) {
    announce(demoTexts.back);
  }
  isDemo.value = false;
  banner.value = null;
  // Another value than before, so that everything loads again that failed meanwhile.
  transport.value = { ...gateway };
}

/** Waits for the next probe: until then nobody needs it, or the network or the tab comes back. */
function pause(): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      if (document.visibilityState === "hidden") {
        return;
      }
      clearInterval(timer);
      removeEventListener("online", wake);
      document.removeEventListener("visibilitychange", wake);
      resolve();
    };
    const timer = setInterval(wake, PROBE_INTERVAL_MS);
    addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);
  });
}

/** Loads what the tab needs without a gateway, once it has nothing else to do. */
async function prepare(): Promise<void> {
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  if (connection?.saveData) {
    return;
  }
  await idle(DATA_AFTER_MS);
  await Promise.all([import("./data.ts"), import("./transport.ts"), import("./DemoBanner.tsx")]);
  const { loadData, loadRecordings } = await import("./data.ts");
  await loadData();
  await idle(REST_AFTER_MS);
  await loadRecordings();
  for (const route of ROUTES.filter((each) => !each.isAlone)) {
    await route.load();
  }
}

function idle(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => ("requestIdleCallback" in window ? requestIdleCallback(() => resolve()) : resolve()), ms);
  });
}

/** Watches the backend from now on. */
export function followBackend(): void {
  // A screen that calls nothing would never notice.
  setTimeout(() => reachable.peek() === undefined && void watch(), DATA_AFTER_MS);
  effect(() => {
    if (reachable.value === false) {
      void watch();
    }
  });
  effect(() => {
    if (doubts.value > 0) {
      void watch();
    }
  });
  const stop = effect(() => {
    if (reachable.value) {
      prepare().catch(() => {
        // What could not be loaded is loaded when it is needed.
      });
      queueMicrotask(() => stop());
    }
  });
}
