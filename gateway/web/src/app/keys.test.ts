// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { apiKey, followApiKey, forgetApiKey, setApiKey } from "./keys.ts";

afterEach(() => {
  vi.restoreAllMocks();
  forgetApiKey();
});

test("a key is stored in one place only", () => {
  setApiKey("kc_1", "browser");
  setApiKey("kc_2", "session");
  expect(apiKey.value).toBe("kc_2");
  expect(localStorage.length).toBe(0);
  expect(sessionStorage.getItem("voicearena.api_key")).toBe("kc_2");
});

test("a key that is forgotten is nowhere", () => {
  setApiKey("kc_1", "browser");
  forgetApiKey();
  expect(apiKey.value).toBeUndefined();
  expect(localStorage.length + sessionStorage.length).toBe(0);
});

test("where storage is refused, the key lasts as long as the page", () => {
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("denied", "SecurityError");
  });
  setApiKey("kc_1", "browser");
  expect(apiKey.value).toBe("kc_1");
});

test("a key that another tab stores or forgets is followed", () => {
  followApiKey();
  localStorage.setItem("voicearena.api_key", "kc_3");
  dispatchEvent(new StorageEvent("storage", { key: "voicearena.api_key" }));
  expect(apiKey.value).toBe("kc_3");
  localStorage.clear();
  dispatchEvent(new StorageEvent("storage", { key: null }));
  expect(apiKey.value).toBeUndefined();
});
