// The state of a screen in the query of its URL, so that a link shows what its sender saw.

import { useCallback, useMemo } from "preact/hooks";
import { useLocation } from "preact-iso";

/** Returns the query with defaults filled in. Unknown names are left out. */
export function readState<T extends Record<string, string>>(query: Record<string, string>, defaults: T): T {
  const state: Record<string, string> = {};
  for (const [name, value] of Object.entries(defaults)) {
    state[name] = query[name] ?? value;
  }
  return state as T;
}

/** Returns the URL of a state. Values that are the default are left out. */
export function stateUrl<T extends Record<string, string>>(path: string, state: T, defaults: T): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value !== defaults[name]) {
      query.set(name, value);
    }
  }
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

/**
 * Returns the state in the URL and a function that changes some of it. `defaults` must be a constant. A change replaces
 * the entry in the browser's history; give `push` for one that the Back button undoes, such as another tab.
 */
export function useUrlState<T extends Record<string, string>>(
  defaults: T,
): [T, (change: Partial<T>, how?: "push" | "replace") => void] {
  const { path, query, route } = useLocation();
  const state = useMemo(() => readState(query, defaults), [query, defaults]);
  const change = useCallback(
    (changes: Partial<T>, how: "push" | "replace" = "replace") => {
      route(stateUrl(path, { ...state, ...changes }, defaults), how === "replace");
    },
    [path, route, state, defaults],
  );
  return [state, change];
}
