// Which categories and languages there are. They are an open set: the scenarios have them.

import { LOCALE } from "../format/locale.ts";
import type { Choice } from "../parts/Select.tsx";
import { call } from "../rpc/client.ts";

const PAGE_SIZE = 100;
/** A thousand scenarios name all categories that matter. One that is missing from the list can still be in a URL. */
const MAX_PAGES = 10;

export interface Choices {
  readonly categories: readonly string[];
  readonly languages: readonly string[];
}

/** Returns the categories and languages of the scenarios that the visitor can see, in alphabetical order. */
export function loadChoices(signal: AbortSignal): Promise<Choices> {
  return choicesAmong({}, signal);
}

/** Returns the categories and languages that boards exist for. Those of archived scenarios keep their votes. */
export async function loadBoardChoices(signal: AbortSignal): Promise<Choices> {
  const { categories, languages } = await choicesAmong({ includeArchived: true }, signal);
  // Boards are by language without its region.
  const regionless = new Set(languages.map((tag) => tag.split("-")[0] ?? tag));
  return { categories, languages: [...regionless].filter(Boolean).sort() };
}

async function choicesAmong(which: { includeArchived?: boolean }, signal: AbortSignal): Promise<Choices> {
  // A battle is shown before anybody looks for other ones.
  const { ScenarioService } = await import("../../gen/voicearena/elo/v1/scenario_service_pb.js");
  const categories = new Set<string>();
  const languages = new Set<string>();
  let pageToken = "";
  for (let page = 0; page < MAX_PAGES; page++) {
    const request = { ...which, pageSize: PAGE_SIZE, pageToken };
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
