// Calls of the API. A screen calls `call` and `stream` with a method of its service's stubs:
//
//   const board = await call(LeaderboardService.method.getLeaderboard, { board: "human" }, { signal });

import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { signal } from "@preact/signals";
import { gateway } from "./gateway.ts";

export interface CallOptions {
  signal?: AbortSignal;
  /**
   * The deadline of the whole call, also for the server. 15 s for unary calls if absent. A stream without it ends when
   * no message comes for 120 s.
   */
  timeoutMs?: number;
  /** What is sent as `Authorization: Bearer`. The stored API key if absent; nothing if null. */
  credential?: string | null;
}

export interface Transport {
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    options: CallOptions,
  ): Promise<MessageShape<O>>;
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageShape<I>,
    options: CallOptions,
  ): AsyncIterable<MessageShape<O>>;
}

/** What answers calls: the gateway, or bundled data while no gateway answers. Queries load again when it changes. */
export const transport = signal<Transport>(gateway);

/** Makes a unary call. Throws ApiError. */
export function call<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: CallOptions = {},
): Promise<MessageShape<O>> {
  return transport.peek().unary(method, create(method.input, request), options);
}

/** Opens a server stream. It throws ApiError while it is read. */
export function stream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodServerStreaming<I, O>,
  request: MessageInitShape<I>,
  options: CallOptions = {},
): AsyncIterable<MessageShape<O>> {
  return transport.peek().stream(method, create(method.input, request), options);
}
