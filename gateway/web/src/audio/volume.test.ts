import { expect, it } from "vitest";
import { readStored } from "../app/stored.ts";
import { parseVolume, setVolume, volume } from "./volume.ts";

it("the volume is stored, and full if what is stored is no volume", () => {
  setVolume(0.4);
  expect([volume.value, parseVolume(readStored("browser", "volume"))]).toEqual([0.4, 0.4]);
  expect([undefined, "", "loud", "-1", "7"].map(parseVolume)).toEqual([1, 1, 1, 1, 1]);
});
