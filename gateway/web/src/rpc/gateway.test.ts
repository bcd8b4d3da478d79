import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DeveloperSchema } from "../../gen/voicearena/auth/v1/auth_pb.js";
import { AuthService } from "../../gen/voicearena/auth/v1/auth_service_pb.js";
import { BattleService } from "../../gen/voicearena/elo/v1/battle_service_pb.js";
import { apiKey } from "../app/keys.ts";
import { call, stream } from "./client.ts";
import { type ApiError, Code, UNREACHABLE } from "./errors.ts";
import { frame } from "./frames.ts";
import { reachable } from "./reachable.ts";

const me = AuthService.method.getCurrentDeveloper;
const fetched = vi.fn<typeof fetch>();

function trailers(text: string): Uint8Array {
  const framed = frame(new TextEncoder().encode(text));
  framed[0] = 0x80;
  return framed;
}

function developer(name: string): Uint8Array {
  return frame(toBinary(DeveloperSchema, create(DeveloperSchema, { name })));
}

function answer(...parts: Uint8Array[]): Response {
  const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
  return new Response(bytes, { headers: { "content-type": "application/grpc-web+proto" } });
}

async function failure(made: Promise<unknown>): Promise<ApiError> {
  return made.then(
    () => expect.unreachable("the call succeeded"),
    (error) => error,
  );
}

beforeEach(() => {
  vi.stubGlobal("fetch", fetched);
  apiKey.value = undefined;
  reachable.value = undefined;
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  fetched.mockReset();
});

test("a call posts one frame to the path of its method and returns the message", async () => {
  apiKey.value = "kc_1";
  fetched.mockResolvedValue(answer(developer("Ada"), trailers("grpc-status:0\r\n")));
  expect((await call(me, {})).name).toBe("Ada");
  const [path, init] = fetched.mock.calls[0] ?? [];
  expect(path).toBe("/voicearena.auth.v1.AuthService/GetCurrentDeveloper");
  expect(init).toMatchObject({ method: "POST", body: frame(new Uint8Array(0)), credentials: "omit" });
  expect(init?.headers).toMatchObject({
    "content-type": "application/grpc-web+proto",
    "grpc-timeout": "15000m",
    authorization: "Bearer kc_1",
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
  });
  expect(reachable.value).toBe(true);
});

test.each([
  ["another credential", "vt_2", "Bearer vt_2"],
  ["none", null, undefined],
])("a call can have %s in place of the stored key", async (_, credential, expected) => {
  apiKey.value = "kc_1";
  fetched.mockResolvedValue(answer(developer("Ada"), trailers("grpc-status:0\r\n")));
  await call(me, {}, { credential });
  const headers = fetched.mock.calls[0]?.[1]?.headers as Record<string, string>;
  expect(headers.authorization).toBe(expected);
});

test("an error in the headers has the trace id of the call", async () => {
  fetched.mockResolvedValue(
    new Response(null, { headers: { "content-type": "application/grpc-web+proto", "grpc-status": "16" } }),
  );
  const error = await failure(call(me, {}));
  expect(error.code).toBe(Code.UNAUTHENTICATED);
  const headers = fetched.mock.calls[0]?.[1]?.headers as Record<string, string>;
  expect(headers.traceparent).toContain(error.traceId);
  expect(error.traceId).toHaveLength(32);
  expect(reachable.value).toBe(true);
});

test("an error in the trailers ends a stream after its messages", async () => {
  const ending = trailers("grpc-status:14\r\ngrpc-message:restarting\r\n");
  fetched.mockResolvedValue(answer(frame(new Uint8Array(0)), frame(new Uint8Array(0)), ending));
  const read: unknown[] = [];
  const error = await failure(
    (async () => {
      for await (const message of stream(BattleService.method.watchBattle, { id: "b" })) {
        read.push(message);
      }
    })(),
  );
  expect(read.length).toBe(2);
  expect(error).toMatchObject({ code: Code.UNAVAILABLE, message: "restarting" });
  // The API answered, so this is not demo data's turn.
  expect(reachable.value).toBe(true);
});

test("a response without trailers was cut off", async () => {
  fetched.mockResolvedValue(answer(developer("Ada")));
  expect(await failure(call(me, {}))).toMatchObject({ code: Code.UNAVAILABLE });
});

test.each([
  ["no network", () => Promise.reject(new TypeError("Failed to fetch"))],
  ["a server of files", () => Promise.resolve(new Response("<html>", { status: 405 }))],
  ["an index page for every path", () => Promise.resolve(new Response("<html>"))],
])("with %s the API is unreachable", async (_, respond) => {
  fetched.mockImplementation(respond);
  expect(await failure(call(me, {}))).toMatchObject({ code: Code.UNAVAILABLE, reason: UNREACHABLE });
  expect(reachable.value).toBe(false);
});

function hanging(): void {
  fetched.mockImplementation(
    (_, init) =>
      new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(new DOMException("aborted")))),
  );
}

test("a call that is late ends with DEADLINE_EXCEEDED", async () => {
  vi.useFakeTimers();
  hanging();
  const late = failure(call(me, {}, { timeoutMs: 200 }));
  await vi.advanceTimersByTimeAsync(200);
  expect(await late).toMatchObject({ code: Code.DEADLINE_EXCEEDED, reason: "DEADLINE_EXCEEDED" });
});

/** Answers with a stream of messages that the test sends. It stays open until it is aborted. */
function openStream(): (message: Uint8Array) => void {
  let body: ReadableStreamDefaultController<Uint8Array>;
  fetched.mockImplementation((_, init) => {
    const open = new ReadableStream<Uint8Array>({
      start: (controller) => {
        body = controller;
        init?.signal?.addEventListener("abort", () => controller.error(new DOMException("aborted")));
      },
    });
    return Promise.resolve(new Response(open, { headers: { "content-type": "application/grpc-web+proto" } }));
  });
  return (message) => body.enqueue(message);
}

test("a stream ends with DEADLINE_EXCEEDED after 120 s without a message", async () => {
  vi.useFakeTimers();
  const send = openStream();
  const read: unknown[] = [];
  let ended: ApiError | undefined;
  const reading = failure(
    (async () => {
      for await (const message of stream(BattleService.method.watchBattle, { id: "b" })) {
        read.push(message);
      }
    })(),
  ).then((error) => {
    ended = error;
  });
  await vi.advanceTimersByTimeAsync(119_000);
  send(frame(new Uint8Array(0)));
  await vi.advanceTimersByTimeAsync(119_000);
  expect([read.length, ended]).toEqual([1, undefined]);
  await vi.advanceTimersByTimeAsync(1_000);
  await reading;
  expect(ended).toMatchObject({ code: Code.DEADLINE_EXCEEDED });
});

test("a stream with a deadline ends at it, whatever arrives before", async () => {
  vi.useFakeTimers();
  const send = openStream();
  const reading = failure(
    (async () => {
      for await (const _ of stream(BattleService.method.watchBattle, { id: "b" }, { timeoutMs: 1_000 })) {
        // Reads on.
      }
    })(),
  );
  await vi.advanceTimersByTimeAsync(900);
  send(frame(new Uint8Array(0)));
  await vi.advanceTimersByTimeAsync(100);
  expect(await reading).toMatchObject({ code: Code.DEADLINE_EXCEEDED });
});

test("a call that is cancelled ends with CANCELLED and says nothing about the server", async () => {
  hanging();
  const stop = new AbortController();
  const cancelled = failure(call(me, {}, { signal: stop.signal }));
  stop.abort();
  expect(await cancelled).toMatchObject({ code: Code.CANCELLED });
  expect(reachable.value).toBeUndefined();
});

test("leaving a stream early closes its connection", async () => {
  const endless = new ReadableStream({ start: (controller) => controller.enqueue(frame(new Uint8Array(0))) });
  fetched.mockResolvedValue(new Response(endless, { headers: { "content-type": "application/grpc-web+proto" } }));
  for await (const _ of stream(BattleService.method.watchBattle, { id: "b" })) {
    break;
  }
  expect(fetched.mock.calls[0]?.[1]?.signal?.aborted).toBe(true);
});
