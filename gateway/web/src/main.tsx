import { render } from "preact";
import { followApiKey } from "./app/keys.ts";
import { Shell } from "./app/Shell.tsx";
import { applyTheme } from "./app/theme.ts";
import "./app/tokens.css";
import "./app/base.css";

// Listening links are issued as `/#/listen/TOKEN`. The token stays in the fragment, which no server sees.
function listeningAddress(): string | undefined {
  const [, token] = location.hash.match(/^#\/listen\/(.+)$/) ?? [];
  return token && `/listen#${token}`;
}

const address = listeningAddress();
if (address) {
  history.replaceState(null, "", address);
}
// A link that is pasted into a tab with this page changes the fragment only.
addEventListener("hashchange", () => {
  const pasted = listeningAddress();
  if (pasted && location.pathname !== "/listen") {
    location.replace(pasted);
  }
});

applyTheme();
followApiKey();
// People with a listening link load nothing else, and demo data is of no use to them.
if (location.pathname !== "/listen") {
  void import("./demo/backend.tsx").then(({ followBackend }) => followBackend());
}
const page = document.getElementById("page");
if (page) {
  render(<Shell />, page);
}
