// The JSON route of an RPC, as its `google.api.http` option declares it.

import {
  type DescMethod,
  getExtension,
  hasExtension,
  type JsonObject,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { http } from "../../gen/google/api/annotations_pb.js";
import { call } from "../../gen/voicearena/gateway/v1/options_pb.js";

/** A call of a JSON route. */
export interface JsonCall {
  readonly verb: string;
  /** The path with its parameters and the query. */
  readonly path: string;
  /** The fields that are neither in the path nor in the query. Undefined if the route takes no body. */
  readonly body: JsonObject | undefined;
}

/** Returns the call that sends a request over JSON. Undefined if the RPC has no JSON route. */
export function jsonCall(method: DescMethod, request: Message): JsonCall | undefined {
  const options = method.proto.options;
  if (!options || !hasExtension(options, http)) {
    return undefined;
  }
  const rule = getExtension(options, http);
  if (rule.pattern.case === undefined || rule.pattern.case === "custom") {
    return undefined;
  }
  const fields = jsonFields(method, request);
  const path = rule.pattern.value.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = fields[name] ?? "";
    delete fields[name];
    return encodeURIComponent(String(value));
  });
  const verb = rule.pattern.case.toUpperCase();
  if (rule.body === "*") {
    return { verb, path, body: fields };
  }
  const query = queryOf(fields);
  return { verb, path: query ? `${path}?${query}` : path, body: undefined };
}

/** Returns the fields of a request as JSON, with the names of the protos. */
export function jsonFields(method: DescMethod, request: Message): JsonObject {
  return toJson(method.input, request, { useProtoFieldName: true }) as JsonObject;
}

/** Returns whether an RPC can be called without an API key. */
export function isPublic(method: DescMethod): boolean {
  const options = method.proto.options;
  return options !== undefined && hasExtension(options, call) && getExtension(options, call).public;
}

/** Returns the RPC that takes the uploads of a route that takes them. */
export function uploadOf(method: DescMethod): DescMethod | undefined {
  return method.parent.methods.find(
    (other) =>
      other.methodKind === "client_streaming" && other.input.fields.some((field) => field.message === method.input),
  );
}

function queryOf(fields: JsonObject): string {
  return parameters(fields)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
}

/** Returns fields as names and values. A list repeats its name, and a field of a message is `message.field`. */
export function parameters(value: JsonValue, name = ""): [string, string][] {
  if (Array.isArray(value)) {
    return value.flatMap((item) => parameters(item, name));
  }
  if (value !== null && typeof value === "object") {
    return Object.entries(value).flatMap(([key, item]) => parameters(item, name ? `${name}.${key}` : key));
  }
  return [[name, String(value)]];
}
