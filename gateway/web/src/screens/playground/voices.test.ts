import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { VoiceSchema } from "../../../gen/voicearena/tts/v1/tts_pb.js";
import { chosenVoices } from "./voices.ts";

const voice = (provider: string, voiceId: string, language: string) =>
  create(VoiceSchema, { provider, voiceId, languages: [language] });

const VOICES = [
  voice("espeak", "af", "af"),
  voice("espeak", "en-gb", "en-GB"),
  voice("espeak", "en-us", "en-US"),
  voice("flite", "slt", "en-US"),
];

describe("chosenVoices", () => {
  it("starts with an English voice of each provider", () => {
    expect(chosenVoices("", VOICES)).toEqual(["espeak:en-gb", "flite:slt"]);
  });

  it("keeps those of the URL that exist, at most four, and fills up to two", () => {
    expect(chosenVoices("flite:slt,nobody:x", VOICES)).toEqual(["flite:slt", "espeak:en-gb"]);
    expect(chosenVoices("espeak:af,espeak:en-us,flite:slt", VOICES)).toEqual([
      "espeak:af",
      "espeak:en-us",
      "flite:slt",
    ]);
  });

  it("has as many as there are", () => {
    expect(chosenVoices("", VOICES.slice(0, 1))).toEqual(["espeak:af"]);
  });
});
