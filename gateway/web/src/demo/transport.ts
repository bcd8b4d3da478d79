// Answers reads from the demo data, and refuses everything else.

import {
  type DescMessage,
  type DescMethod,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import type { CallOptions, Transport } from "../rpc/client.ts";
import { ApiError, Code } from "../rpc/errors.ts";
import { demoTexts } from "../strings/demo.ts";
import { answerOf, type DemoData } from "./data.ts";

/** The reason of the error of a call that demo data can't answer. */
export const DEMO = "DEMO";

const FILE = "google.api.HttpBody";

export function demoTransport(data: DemoData): Transport {
  return {
    async unary(method, request) {
      const [first] = messages(data, method, request);
      return first as MessageShape<typeof method.output>;
    },
    async *stream(method, request, options) {
      yield* messages(data, method, request);
      // Nothing ever changes. A stream that ends would be opened again. A file has an end.
      if (method.output.typeName !== FILE) {
        await aborted(options);
      }
    },
  };
}

function messages<I extends DescMessage, O extends DescMessage>(
  data: DemoData,
  method: DescMethod & { input: I; output: O },
  request: MessageShape<I>,
): MessageShape<O>[] {
  const rpc = `${method.parent.typeName}/${method.name}`;
  const fields = toJson(method.input, request, { useProtoFieldName: true }) as JsonObject;
  const found = answerOf(data, rpc, fields);
  if (!found) {
    throw isWrite(data, rpc)
      ? new ApiError(Code.FAILED_PRECONDITION, demoTexts.refused, { reason: DEMO })
      : new ApiError(Code.NOT_FOUND, demoTexts.missing, { reason: DEMO });
  }
  return found.map((message) => fromJson(method.output, message as JsonValue, { ignoreUnknownFields: true }));
}

function isWrite(data: DemoData, rpc: string): boolean {
  return !(rpc in data.calls) && !/\/(Get|List|Watch|Export)/.test(rpc);
}

function aborted({ signal }: CallOptions): Promise<void> {
  return new Promise((resolve) => {
    signal?.addEventListener("abort", () => resolve());
    if (signal?.aborted) {
      resolve();
    }
  });
}
