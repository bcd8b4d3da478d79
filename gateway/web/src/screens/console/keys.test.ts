import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { keyState } from "./key_state.ts";
import { SCOPES } from "./scopes.ts";
import { settingsOf } from "./settings_of.ts";

const NOW = 1_800_000_000_000;
const key = { revokedAt: undefined, expiresAt: undefined, replacedBy: "" };
const past = timestampFromMs(NOW - 1);
const future = timestampFromMs(NOW + 1);

test.each([
  ["active", key],
  ["active", { ...key, expiresAt: future }],
  ["expired", { ...key, expiresAt: past }],
  ["replaced", { ...key, expiresAt: future, replacedBy: "key_2" }],
  ["expired", { ...key, expiresAt: past, replacedBy: "key_2" }],
  ["revoked", { ...key, revokedAt: past, expiresAt: future }],
] as const)("a key is %s", (state, stated) => {
  expect(keyState(stated, NOW)).toBe(state);
});

test("scopes are written with a colon, in the order of the API", () => {
  expect(SCOPES).toEqual([
    "experiments:read",
    "experiments:write",
    "models:read",
    "models:write",
    "speech",
    "evaluations:read",
    "webhooks",
    "keys",
    "evaluations:write",
    "arena:write",
  ]);
});

test.each([
  ["set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs no key", ["OPENAI_API_KEY", "OPENAI_BASE_URL"]],
  ["set CARTESIA_API_KEY", ["CARTESIA_API_KEY"]],
  ["the program flite is not on the PATH, see HTTP", []],
])("the settings of: %s", (reason, settings) => {
  expect(settingsOf(reason)).toEqual(settings);
});
