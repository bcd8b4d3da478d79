import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** Returns the token of a listening link from the fragment of its URL, where no server and no log sees it. */
export function tokenOf(hash: string): string {
  const [, token = ""] = hash.match(/^#(?:\/listen\/)?([^/]*)$/) ?? [];
  return token;
}

/** Returns the token of the page's URL, also after another link was pasted into the same tab. */
export function useToken(): string {
  const token = useSignal(tokenOf(location.hash));
  useEffect(() => {
    const read = () => {
      token.value = tokenOf(location.hash);
    };
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  return token.value;
}
