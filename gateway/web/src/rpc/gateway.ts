// gRPC-Web over fetch: unary calls and server streams with binary messages.

import {
  type DescMessage,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { apiKey } from "../app/keys.ts";
import { noteServerTime } from "../format/clock.ts";
import type { CallOptions, Transport } from "./client.ts";
import { ApiError, Code, errorOfHttp, errorOfTrailers, UNREACHABLE, unreachable } from "./errors.ts";
import { FrameReader, frame } from "./frames.ts";
import { doubts, reachable } from "./reachable.ts";
import { newTrace } from "./trace.ts";

const UNARY_TIMEOUT_MS = 15_000;
// The longest wait for the next message of a stream. Long exports and slow voices need part of it.
const MAX_SILENCE_MS = 120_000;
const MEDIA_TYPE = "application/grpc-web+proto";

export const gateway: Transport = {
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    options: CallOptions,
  ) {
    let response: MessageShape<O> | undefined;
    const limited = { timeoutMs: UNARY_TIMEOUT_MS, ...options };
    for await (const message of messages(method, toBinary(method.input, request), limited)) {
      response = fromBinary(method.output, message);
    }
    if (response === undefined) {
      throw new ApiError(Code.INTERNAL, "The response has no message");
    }
    return response;
  },

  async *stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageShape<I>,
    options: CallOptions,
  ) {
    for await (const message of messages(method, toBinary(method.input, request), options)) {
      yield fromBinary(method.output, message);
    }
  },
};

async function* messages(method: DescMethod, request: Uint8Array, options: CallOptions): AsyncGenerator<Uint8Array> {
  const { traceparent, traceId } = newTrace();
  const call = new AbortController();
  const cancel = () => call.abort();
  options.signal?.addEventListener("abort", cancel);
  let isLate = false;
  let deadline: ReturnType<typeof setTimeout> | undefined;
  const limit = (milliseconds: number) => {
    deadline = setTimeout(() => {
      isLate = true;
      call.abort();
    }, milliseconds);
  };
  limit(options.timeoutMs ?? MAX_SILENCE_MS);
  try {
    options.signal?.throwIfAborted();
    const response = await fetch(`/${method.parent.typeName}/${method.name}`, {
      method: "POST",
      body: frame(request),
      headers: headersOf(options, traceparent),
      signal: call.signal,
      // The credential is a header. Cookies of the address are nobody's business here.
      credentials: "omit",
    });
    noteServerTime(Date.parse(response.headers.get("date") ?? ""));
    for await (const message of read(response, traceId)) {
      if (options.timeoutMs !== undefined) {
        yield message;
        continue;
      }
      // The time that the reader needs for a message does not count.
      clearTimeout(deadline);
      yield message;
      limit(MAX_SILENCE_MS);
    }
    reachable.value = true;
  } catch (thrown) {
    const error = asApiError(thrown, { traceId, isLate, isCancelled: options.signal?.aborted ?? false });
    if (error.reason === UNREACHABLE) {
      reachable.value = false;
    } else if (error.code !== Code.CANCELLED && !isLate) {
      reachable.value = true;
    }
    if (error.reason === "UNAVAILABLE") {
      doubts.value += 1;
    }
    throw error;
  } finally {
    clearTimeout(deadline);
    options.signal?.removeEventListener("abort", cancel);
    // Ends the response of a stream that its reader has left.
    call.abort();
  }
}

function headersOf(options: CallOptions, traceparent: string): Record<string, string> {
  const credential = options.credential === undefined ? apiKey.peek() : options.credential;
  return {
    "content-type": MEDIA_TYPE,
    accept: MEDIA_TYPE,
    "x-grpc-web": "1",
    traceparent,
    ...(options.timeoutMs === undefined ? {} : { "grpc-timeout": `${Math.ceil(options.timeoutMs)}m` }),
    ...(credential ? { authorization: `Bearer ${credential}` } : {}),
  };
}

async function* read(response: Response, traceId: string): AsyncGenerator<Uint8Array> {
  if (response.headers.has("grpc-status")) {
    // An error before the first message is in the headers.
    const error = errorOfTrailers(response.headers, traceId);
    if (error) {
      throw error;
    }
    return;
  }
  if (!response.ok || !response.body || !response.headers.get("content-type")?.startsWith("application/grpc-web")) {
    throw errorOfHttp(response.status, traceId);
  }
  reachable.value = true;
  const reader = new FrameReader();
  const body = response.body.getReader();
  for (;;) {
    const { done, value } = await body.read();
    if (done) {
      throw unreachable("The connection ended before the response was complete", traceId);
    }
    for (const part of reader.push(value)) {
      if ("message" in part) {
        yield part.message;
        continue;
      }
      const error = errorOfTrailers(part.trailers, traceId);
      if (error) {
        throw error;
      }
      return;
    }
  }
}

function asApiError(thrown: unknown, call: { traceId: string; isLate: boolean; isCancelled: boolean }): ApiError {
  if (thrown instanceof ApiError) {
    return thrown;
  }
  const { traceId } = call;
  if (call.isCancelled) {
    return new ApiError(Code.CANCELLED, "The call was cancelled", { traceId });
  }
  if (call.isLate) {
    return new ApiError(Code.DEADLINE_EXCEEDED, "There was no answer in time", {
      reason: "DEADLINE_EXCEEDED",
      traceId,
    });
  }
  if (thrown instanceof RangeError) {
    return new ApiError(Code.INTERNAL, thrown.message, { traceId });
  }
  return unreachable("The server can't be reached", traceId);
}
