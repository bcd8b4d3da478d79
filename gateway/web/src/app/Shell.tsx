// What every screen stands in: skip link, header, banner, main, status region.

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { LocationProvider, Route, Router, useLocation } from "preact-iso";
import { Empty } from "../parts/Empty.tsx";
import { announce, Status } from "../parts/Status.tsx";
import { en } from "../strings/en.ts";
import { banner } from "./banner.ts";
import { Header } from "./Header.tsx";
import { asksForKey } from "./keys.ts";
import { ROUTES } from "./routes.ts";
import { Screen } from "./screen.tsx";
import { useTitle } from "./title.ts";
import "./shell.css";

const KeyDialog = signal<ComponentType | undefined>(undefined);

// The path whose screen was shown last. Undefined until the first one is shown, which keeps the browser's focus.
let shownPath: string | undefined;

function moveFocus() {
  if (shownPath !== undefined && shownPath !== location.pathname) {
    const heading = document.querySelector<HTMLElement>("main h1") ?? document.querySelector<HTMLElement>("main");
    heading?.focus({ preventScroll: true });
  }
  shownPath = location.pathname;
}

// A component for each route, so that the router sees when the screen changes.
const SCREENS = ROUTES.map((route) => ({
  path: route.path,
  // The heading is in the document one frame after the chunk is there.
  // It stays the same while only a parameter of the path changes. The key makes a new screen then.
  component: ({ path }: { path: string }) => (
    <Screen key={path} route={route} onShown={() => requestAnimationFrame(moveFocus)} />
  ),
}));

function NotFound() {
  useTitle(en.shell.notFound);
  useEffect(moveFocus, []);
  return (
    <Empty
      title={en.shell.notFound}
      text={en.shell.notFoundText}
      action={
        <a class="button" href="/">
          {en.shell.toStart}
        </a>
      }
      isPage
    />
  );
}

function Frame() {
  const { path } = useLocation();
  const isAlone = ROUTES.some((route) => route.isAlone && route.path === path);
  useEffect(() => {
    if (asksForKey.value && !KeyDialog.peek()) {
      import("./KeyDialog.tsx").then(
        (chunk) => {
          KeyDialog.value = chunk.KeyDialog;
        },
        () => {
          asksForKey.value = false;
          announce(en.shell.chunkFailed);
        },
      );
    }
  }, [asksForKey.value]);
  const Dialog = KeyDialog.value;
  return (
    <>
      <a class="skip-link" href="#main">
        {en.shell.skip}
      </a>
      <Header path={path} isAlone={isAlone} />
      {banner.value && (
        <aside class="banner" aria-label={en.shell.notice}>
          {banner.value}
        </aside>
      )}
      <main id="main" tabIndex={-1}>
        <Router>
          {SCREENS.map((screen) => (
            <Route key={screen.path} path={screen.path} component={screen.component} />
          ))}
          <Route default component={NotFound} />
        </Router>
      </main>
      <Status />
      {Dialog && asksForKey.value && <Dialog />}
    </>
  );
}

export function Shell() {
  return (
    <LocationProvider>
      <Frame />
    </LocationProvider>
  );
}
