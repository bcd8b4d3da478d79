// Which categories and languages there are. They are an open set: the scenarios have them.

import { LOCALE } from "../format/locale.ts";
import type { Choice } from "../parts/Select.tsx";
import { call } from "../rpc/client.ts";

const PAGE_SIZE = 100;
/** With more scenarios than this, rare categories may be missing from the list; a URL can still name them. */
const MAX_PAGES = 5;

export interface Choices {
  readonly categories: readonly string[];
  readonly languages: readonly string[];
}

/** Returns the categories and languages of the scenarios that the visitor can see, in alphabetical order. */
export async function loadChoices(signal: AbortSignal): Promise<Choices> {
  // A battle is shown before anybody looks for other ones.
  const { ScenarioService } = await import("../../gen/voicearena/elo/v1/scenario_service_pb.js");
  const categories = new Set<string>();
  const languages = new Set<string>();
  let pageToken = "";
  for (let page = 0; page < MAX_PAGES; page++) {
    const request = { pageSize: PAGE_SIZE, pageToken };
    const response = await call(ScenarioService.method.listScenarios, request, { signal });
    for (const scenario of response.scenarios) {
      categories.add(scenario.category);
      languages.add(scenario.language);
    }
    pageToken = response.nextPageToken;
    if (!pageToken) {
      break;
    }
  }
  return { categories: [...categories].sort(), languages: [...languages].sort() };
}

/** Returns a category as people read it: `customer_service` is "Customer service". */
export function categoryName(category: string): string {
  const words = category.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Returns the name of a language, or its tag if the browser has none. */
export function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames(LOCALE, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** Returns the choices of a list: any, all that are known, and the chosen one even if it is unknown. */
export function choicesOf(
  any: string,
  known: readonly string[],
  chosen: string,
  name: (value: string) => string,
): Choice[] {
  const values = chosen && !known.includes(chosen) ? [...known, chosen] : known;
  return [{ value: "", label: any }, ...values.map((value) => ({ value, label: name(value) }))];
}
