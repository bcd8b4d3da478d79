import { render } from "preact";
import { followApiKey } from "./app/keys.ts";
import { Shell } from "./app/Shell.tsx";
import { applyTheme } from "./app/theme.ts";
import "./app/tokens.css";
import "./app/base.css";

// Listening links are issued as `/#/listen/TOKEN`. The token stays in the fragment, which no server sees.
const [, token] = location.hash.match(/^#\/listen\/(.+)$/) ?? [];
if (token) {
  history.replaceState(null, "", `/listen#${token}`);
}

applyTheme();
followApiKey();
const page = document.getElementById("page");
if (page) {
  render(<Shell />, page);
}
