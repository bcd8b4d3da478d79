// Votes in a battle over gRPC-Web, with the stubs that `make gen-ts` writes. It needs no API key. The same code runs in
// a browser, where an audio element plays the URLs of the clips.
//
//   node examples/vote.ts http://localhost:8080 a|b|tie|both_bad

import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { AuthService } from "../gen/voicearena/auth/v1/auth_service_pb.js";
import { Battle_Winner } from "../gen/voicearena/elo/v1/battle_pb.js";
import { BattleService } from "../gen/voicearena/elo/v1/battle_service_pb.js";

const PATIENCE_MS = 120_000;
const [url = "http://localhost:8080", answer = "tie"] = process.argv.slice(2);
const transport = createGrpcWebTransport({ baseUrl: url });
const battles = createClient(BattleService, transport);

try {
  const session = await createClient(AuthService, transport).createVoter({});
  const headers = { Authorization: `Bearer ${session.sessionToken}` };
  const battle = await nextBattle(headers);
  console.log(`${battle.scenarioName}: ${battle.text}`);
  for (const clip of [battle.clipAUrl, battle.clipBUrl]) {
    const response = await fetch(clip, { headers });
    if (!response.ok) {
      throw new Error(`a clip answered ${response.status}`);
    }
    await response.arrayBuffer();
  }
  // A person would listen now.
  await sleep(1000 * (battle.clipASeconds + battle.clipBSeconds));
  const winner = Battle_Winner[answer as keyof typeof Battle_Winner];
  const vote = await battles.voteInBattle({ id: battle.battleId, winner }, { headers });
  for (const [label, model, rating] of [
    ["A", vote.clipAModel, vote.clipARating],
    ["B", vote.clipBModel, vote.clipBRating],
  ] as const) {
    console.log(`${label} was ${model?.name}: live Elo ${rating?.before.toFixed(0)} -> ${rating?.after.toFixed(0)}`);
  }
  console.log(vote.rated ? "the vote moves ratings" : `the vote moves no ratings: ${vote.unratedReason}`);
} catch (error) {
  const failure = ConnectError.from(error);
  console.error(`${Code[failure.code]}: ${failure.rawMessage}`);
  process.exitCode = 1;
}

// Returns the next battle, and waits while none is ready.
async function nextBattle(headers: Record<string, string>) {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await battles.nextBattle({}, { headers });
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unavailable || Date.now() > giveUpAt) {
        throw error;
      }
    }
    await sleep(1000);
  }
}
