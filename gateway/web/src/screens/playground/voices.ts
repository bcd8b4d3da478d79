// The voices to choose from, and those that the URL names.

import type { Voice } from "../../../gen/voicearena/tts/v1/tts_pb.js";
import { type ListVoicesResponse, TtsService } from "../../../gen/voicearena/tts/v1/tts_service_pb.js";
import { call } from "../../rpc/client.ts";
import { voiceName } from "../../words/voice.ts";

export const MIN_VOICES = 2;
export const MAX_VOICES = 4;
const PAGE_SIZE = 100;
/** A menu with more voices can't be used. */
const MAX_PAGES = 5;

/** Returns the voices that can speak now. Throws ApiError. */
export async function listVoices(signal: AbortSignal): Promise<Voice[]> {
  const found: Voice[] = [];
  let pageToken = "";
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer: ListVoicesResponse = await call(
      TtsService.method.listVoices,
      { pageSize: PAGE_SIZE, pageToken },
      { signal },
    );
    found.push(...answer.voices);
    pageToken = answer.nextPageToken;
    if (!pageToken) {
      break;
    }
  }
  return found;
}

/** Returns the keys of the voices that a URL names, filled up to two with voices of different providers. */
export function chosenVoices(named: string, voices: readonly Voice[]): string[] {
  const known = new Set(voices.map(voiceName));
  const chosen = named
    .split(",")
    .filter((key) => known.has(key))
    .slice(0, MAX_VOICES);
  for (const voice of firstOfEachProvider(voices)) {
    if (chosen.length >= MIN_VOICES) {
      break;
    }
    if (!chosen.includes(voiceName(voice))) {
      chosen.push(voiceName(voice));
    }
  }
  return chosen;
}

/** Returns one English voice of each provider, then the others. */
function firstOfEachProvider(voices: readonly Voice[]): Voice[] {
  const english = voices.filter((voice) => voice.languages[0]?.startsWith("en"));
  const ordered = [...english, ...voices];
  const firsts = [...new Map(ordered.map((voice) => [voice.provider, voice] as const).reverse()).values()].reverse();
  return [...firsts, ...ordered];
}
