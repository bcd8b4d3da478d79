// The categories and languages that boards exist for: those of the scenarios.

import { ScenarioService } from "../../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { call } from "../../rpc/client.ts";

const PAGE_SIZE = 100;
// A thousand scenarios name all categories that matter. One that is missing here can still be in the URL.
const MAX_PAGES = 10;

export interface Scopes {
  categories: string[];
  languages: string[];
}

export async function loadScopes(signal: AbortSignal): Promise<Scopes> {
  const categories = new Set<string>();
  const languages = new Set<string>();
  let pageToken = "";
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const request = { pageSize: PAGE_SIZE, pageToken, includeArchived: true };
    const found = await call(ScenarioService.method.listScenarios, request, { signal });
    for (const { category, language } of found.scenarios) {
      categories.add(category);
      // Boards are by language without its region.
      languages.add(language.split("-")[0] ?? language);
    }
    pageToken = found.nextPageToken;
    if (!pageToken) {
      break;
    }
  }
  return { categories: [...categories].sort(), languages: [...languages].filter(Boolean).sort() };
}
