import { effect, signal } from "@preact/signals";
import { readStored, store } from "./stored.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

function read(): Theme {
  const stored = readStored("browser", "theme");
  return THEMES.find((theme) => theme === stored) ?? "system";
}

export const theme = signal<Theme>(read());

/** Shows the chosen theme, now and after each change. The style sheet follows the system where nothing is chosen. */
export function applyTheme(): void {
  effect(() => {
    if (theme.value === "system") {
      delete document.documentElement.dataset.theme;
    } else {
      document.documentElement.dataset.theme = theme.value;
    }
    store("browser", "theme", theme.value === "system" ? undefined : theme.value);
  });
}
