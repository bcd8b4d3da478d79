// Loads the chunk of a screen and shows it, or says why that failed.

import { useSignal } from "@preact/signals";
import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Button } from "../parts/Button.tsx";
import { Empty } from "../parts/Empty.tsx";
import { Failure } from "../parts/Failure.tsx";
import { Loading } from "../parts/Loading.tsx";
import { en } from "../strings/en.ts";
import type { ScreenRoute } from "./routes.ts";

type Loaded = { screen: ComponentType } | { failure: "upgraded" | "offline" } | undefined;

export function Screen({ route, onShown }: { route: ScreenRoute; onShown: () => void }) {
  const loaded = useSignal<Loaded>(undefined);
  useEffect(() => {
    let isGone = false;
    loaded.value = undefined;
    document.title = `${route.title} – ${en.product}`;
    route
      .load()
      .then((chunk): Loaded => ({ screen: chunk.default }))
      .catch(async (): Promise<Loaded> => ({ failure: (await isUpgraded()) ? "upgraded" : "offline" }))
      .then((result) => {
        if (!isGone) {
          loaded.value = result;
          onShown();
        }
      });
    return () => {
      isGone = true;
    };
  }, [route]);

  if (loaded.value === undefined) {
    return <Loading lines={8} />;
  }
  if ("failure" in loaded.value) {
    const reload = <Button onClick={() => location.reload()}>{en.shell.reload}</Button>;
    return loaded.value.failure === "upgraded" ? (
      <Empty title={en.shell.upgraded} text={en.shell.upgradedText} action={reload} isPage />
    ) : (
      <Empty title={en.shell.chunkFailed} text={en.shell.chunkFailedText} action={reload} isPage />
    );
  }
  const Shown = loaded.value.screen;
  return (
    <Guard>
      <Shown />
    </Guard>
  );
}

const UPGRADE_CHECK_TIMEOUT_MS = 5_000;

/** Whether the server has another version of the page than this tab, so that chunks of this version are gone. */
async function isUpgraded(): Promise<boolean> {
  const script = document.querySelector<HTMLScriptElement>('script[type="module"][src]')?.getAttribute("src");
  try {
    const response = await fetch("/", {
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(UPGRADE_CHECK_TIMEOUT_MS),
    });
    return response.ok && script != null && !(await response.text()).includes(script);
  } catch {
    return false;
  }
}

/** Shows a fault of a screen in its place, so that the navigation still works. */
class Guard extends Component<{ children: ComponentChildren }, { fault: unknown }> {
  override state: { fault: unknown } = { fault: undefined };

  override componentDidCatch(fault: unknown) {
    this.setState({ fault });
  }

  override render() {
    const { fault } = this.state;
    return fault === undefined ? (
      this.props.children
    ) : (
      <Failure error={fault} onRetry={() => this.setState({ fault: undefined })} />
    );
  }
}
