import { render } from "preact";
import { followApiKey } from "./app/keys.ts";
import { Shell } from "./app/Shell.tsx";
import { applyTheme } from "./app/theme.ts";
import { followBackend } from "./demo/backend.tsx";
import "./app/tokens.css";
import "./app/base.css";

// Listening links are issued as `/#/listen/TOKEN`. The token stays in the fragment, which no server sees.
const [, token] = location.hash.match(/^#\/listen\/(.+)$/) ?? [];
if (token) {
  history.replaceState(null, "", `/listen#${token}`);
}

applyTheme();
followApiKey();
// People with a listening link load nothing else, and demo data is of no use to them.
if (location.pathname !== "/listen") {
  followBackend();
}
const page = document.getElementById("page");
if (page) {
  render(<Shell />, page);
}
