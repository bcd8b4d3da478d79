// The voices that an experiment can compare, with their prices.

import type { VoiceModel } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import { VoiceModel_Kind } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import { EloService } from "../../../gen/voicearena/elo/v1/elo_service_pb.js";
import { TtsService } from "../../../gen/voicearena/tts/v1/tts_service_pb.js";
import { call } from "../../rpc/client.ts";
import { voiceName } from "../../words/voice.ts";
import type { EstimatedVoice } from "./estimate.ts";

const PAGE_SIZE = 100;
// Ten thousand voices are more than anybody chooses from a list.
const MAX_PAGES = 100;

/** Returns the voices that can be chosen, by name. */
export async function listVoices(signal: AbortSignal): Promise<Map<string, EstimatedVoice>> {
  const [models, { providers }] = await Promise.all([
    listModels(signal),
    call(TtsService.method.listProviders, {}, { signal }),
  ]);
  const found = new Map<string, EstimatedVoice>();
  for (const model of models) {
    const name = voiceName({ provider: model.provider, voiceId: model.config?.voiceId ?? "" });
    const provider = providers.find((each) => each.id === model.provider);
    // The newest of a name comes first, and is the one that is used.
    if (model.kind !== VoiceModel_Kind.recorded && provider?.available && !found.has(name)) {
      found.set(name, {
        provider: model.provider,
        name,
        price: model.costPer1000Characters,
        local: provider.local,
        concurrency: provider.maxConcurrency,
      });
    }
  }
  return new Map([...found].sort(([one], [other]) => one.localeCompare(other)));
}

async function listModels(signal: AbortSignal): Promise<VoiceModel[]> {
  const found: VoiceModel[] = [];
  let pageToken = "";
  for (let page = 0; page < MAX_PAGES; page++) {
    const request = { activeOnly: true, pageSize: PAGE_SIZE, pageToken };
    const { models, nextPageToken } = await call(EloService.method.listVoiceModels, request, { signal });
    found.push(...models);
    if (nextPageToken === "") {
      break;
    }
    pageToken = nextPageToken;
  }
  return found;
}
