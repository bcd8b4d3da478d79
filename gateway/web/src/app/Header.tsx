import { useEffect, useRef } from "preact/hooks";
import { Button } from "../parts/Button.tsx";
import { en } from "../strings/en.ts";
import { apiKey, asksForKey } from "./keys.ts";
import { ROUTES } from "./routes.ts";
import { THEMES, type Theme, theme } from "./theme.ts";
import "../parts/field.css";
import "./header.css";

const LINKS = ROUTES.filter((route) => route.inNavigation);

function isCurrent(path: string, link: string): boolean {
  return path === link || (link !== "/" && path.startsWith(`${link}/`));
}

export function Header({ path, isAlone }: { path: string; isAlone: boolean }) {
  const navigation = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone the navigation is wider than the screen.
    navigation.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [path]);
  return (
    <header class="header">
      <a class="header-product" href="/">
        <img src="/icon.svg" alt="" width="24" height="24" />
        <span>{en.product}</span>
      </a>
      {!isAlone && (
        <nav ref={navigation} class="header-navigation" aria-label={en.shell.navigation}>
          {LINKS.map((link) => (
            <a key={link.path} href={link.path} aria-current={isCurrent(path, link.path) ? "page" : undefined}>
              {link.title}
            </a>
          ))}
        </nav>
      )}
      <div class="header-settings">
        <label class="header-theme">
          <span class="visually-hidden">{en.shell.theme}</span>
          <select
            value={theme.value}
            onChange={(event) => {
              theme.value = event.currentTarget.value as Theme;
            }}
          >
            {THEMES.map((name) => (
              <option key={name} value={name}>
                {en.shell.themes[name]}
              </option>
            ))}
          </select>
        </label>
        {!isAlone && (
          <Button
            kind="quiet"
            onClick={() => {
              asksForKey.value = true;
            }}
          >
            {en.key.title}
            {apiKey.value && (
              <>
                <span aria-hidden="true">✓</span>
                <span class="visually-hidden">{en.key.present}</span>
              </>
            )}
          </Button>
        )}
      </div>
    </header>
  );
}
