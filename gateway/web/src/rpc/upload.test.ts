// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { apiKey } from "../app/keys.ts";
import { Code, UNREACHABLE } from "./errors.ts";
import { upload } from "./upload.ts";

/** What XMLHttpRequest is for the upload. The test ends each request. */
class Request {
  static last: Request;
  upload: { onprogress?: (event: { loaded: number; total: number }) => void } = {};
  headers: Record<string, string> = {};
  responseHeaders: Record<string, string> = {};
  status = 0;
  responseText = "";
  onload = () => undefined;
  onerror = () => undefined;
  onabort = () => undefined;
  onloadend = () => undefined;
  opened: string[] = [];
  constructor() {
    Request.last = this;
  }
  open(...opened: string[]) {
    this.opened = opened;
  }
  setRequestHeader(name: string, value: string) {
    this.headers[name] = value;
  }
  getResponseHeader(name: string) {
    return this.responseHeaders[name] ?? null;
  }
  send() {}
  abort() {
    this.onabort();
    this.onloadend();
  }
  answer(status: number, text: string) {
    this.status = status;
    this.responseText = text;
    this.onload();
    this.onloadend();
  }
}

beforeEach(() => void vi.stubGlobal("XMLHttpRequest", Request));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  apiKey.value = undefined;
});

test("an upload posts the form with the key, says how far it is, and returns the JSON", async () => {
  apiKey.value = "kc_1";
  const progress: number[][] = [];
  const made = upload("/api/v1/evaluations", new FormData(), { onProgress: (...sent) => progress.push(sent) });
  Request.last.upload.onprogress?.({ loaded: 5, total: 10 });
  Request.last.answer(200, '{"id": "ev_1"}');
  expect(await made).toEqual({ id: "ev_1" });
  expect(progress).toEqual([[5, 10]]);
  expect(Request.last.opened).toEqual(["POST", "/api/v1/evaluations"]);
  expect(Request.last.headers.authorization).toBe("Bearer kc_1");
});

test("a refusal is the error of the API", async () => {
  const made = upload("/api/v1/evaluations", new FormData());
  const details = [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "REQUEST_TOO_LARGE" }];
  Request.last.answer(413, JSON.stringify({ code: 8, message: "file: is larger than 50 MB", details }));
  await expect(made).rejects.toMatchObject({ message: "file: is larger than 50 MB", reason: "REQUEST_TOO_LARGE" });
});

test("a lost connection can be tried again", async () => {
  const made = upload("/api/v1/evaluations", new FormData());
  Request.last.onerror();
  await expect(made).rejects.toMatchObject({ code: Code.UNAVAILABLE, reason: UNREACHABLE });
});

test("an upload without progress for 60 s stops, and can be tried again", async () => {
  vi.useFakeTimers();
  const made = upload("/api/v1/evaluations", new FormData()).catch((error) => error);
  const abort = vi.spyOn(Request.last, "abort");
  await vi.advanceTimersByTimeAsync(59_000);
  Request.last.upload.onprogress?.({ loaded: 5, total: 10 });
  await vi.advanceTimersByTimeAsync(59_000);
  expect(abort).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await made).toMatchObject({ message: "The upload stopped", retryable: true });
  expect(abort).toHaveBeenCalledTimes(1);
});

test("the server has 60 s to answer after the last byte", async () => {
  vi.useFakeTimers();
  const made = upload("/api/v1/evaluations", new FormData());
  Request.last.upload.onprogress?.({ loaded: 10, total: 10 });
  await vi.advanceTimersByTimeAsync(59_000);
  Request.last.answer(200, '{"id": "ev_1"}');
  expect(await made).toEqual({ id: "ev_1" });
  expect(vi.getTimerCount()).toBe(0);
});

test("an upload can be cancelled, before it begins as well", async () => {
  const stop = new AbortController();
  const made = upload("/api/v1/evaluations", new FormData(), { signal: stop.signal });
  stop.abort();
  await expect(made).rejects.toMatchObject({ code: Code.CANCELLED });
  const late = upload("/api/v1/evaluations", new FormData(), { signal: stop.signal });
  await expect(late).rejects.toMatchObject({ code: Code.CANCELLED });
});
