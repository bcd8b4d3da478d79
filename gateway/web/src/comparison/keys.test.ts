// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { actionOfKey, isField, keysOn, type Press, setKeysOn } from "./keys.ts";

const plain: Press = {
  key: "a",
  repeat: false,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  shiftKey: false,
  isInField: false,
};

describe("keys of a comparison", () => {
  it("play with 1 and 2, and vote with A, B, T and N", () => {
    const actions = ["1", "2", "a", "B", "t", "n", "Enter", "ArrowUp"].map((key) => actionOfKey({ ...plain, key }));
    expect(actions).toEqual([
      { play: "a" },
      { play: "b" },
      { answer: "a" },
      { answer: "b" },
      { answer: "tie" },
      { answer: "both_bad" },
      undefined,
      undefined,
    ]);
  });

  it.each(["repeat", "ctrlKey", "altKey", "metaKey", "shiftKey", "isInField"] as const)(
    "do nothing with %s",
    (name) => {
      expect(actionOfKey({ ...plain, [name]: true })).toBeUndefined();
    },
  );

  it("belong to fields of text and lists, and not to sliders and switches", () => {
    document.body.innerHTML = `
      <input id="text"><textarea id="area"></textarea><select id="list"></select><dialog><button id="inside"></button></dialog>
      <input type="range" id="range"><input type="checkbox" id="switch"><button id="button"></button>`;
    const fields = ["text", "area", "list", "inside", "range", "switch", "button"].filter((id) =>
      isField(document.getElementById(id)),
    );
    expect(fields).toEqual(["text", "area", "list", "inside"]);
  });

  it("stay off once they are switched off", () => {
    setKeysOn(false);
    expect([keysOn.value, localStorage.getItem("voicearena.comparison_keys")]).toEqual([false, "off"]);
    setKeysOn(true);
    expect([keysOn.value, localStorage.getItem("voicearena.comparison_keys")]).toEqual([true, null]);
  });
});
