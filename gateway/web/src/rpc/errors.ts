// The one error of the page: a gRPC status with the details that the API adds to it.

import { BinaryReader } from "@bufbuild/protobuf/wire";

export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

// What gRPC clients make of an HTTP status that comes without a gRPC status.
const CODE_OF_HTTP: Record<number, number> = {
  400: Code.INTERNAL,
  401: Code.UNAUTHENTICATED,
  403: Code.PERMISSION_DENIED,
  429: Code.RESOURCE_EXHAUSTED,
};

// Reasons of RESOURCE_EXHAUSTED that time does not cure.
const LASTING = ["QUOTA_EXCEEDED", "REQUEST_TOO_LARGE"];

/** The reason of an ApiError when nothing answered that speaks the API. */
export const UNREACHABLE = "UNREACHABLE";

export interface FieldViolation {
  field: string;
  description: string;
}

interface Details {
  reason: string;
  metadata: Record<string, string>;
  violations: FieldViolation[];
}

export class ApiError extends Error {
  readonly code: number;
  /** The stable reason, such as `NOT_FOUND`; `docs/calling.md` lists them. */
  readonly reason: string;
  readonly metadata: Record<string, string>;
  readonly violations: FieldViolation[];
  /** The id under which the logs and traces of the mesh have this call. */
  readonly traceId: string;
  /** When the server asks to try again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: number, message: string, details: Partial<Details & { traceId: string; retryAfter: string }> = {}) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.reason = details.reason ?? "";
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
    this.traceId = details.traceId ?? "";
    const after = Number.parseFloat(this.metadata.retry_after_seconds ?? details.retryAfter ?? "");
    this.retryAfterSeconds = Number.isFinite(after) && after >= 0 ? after : undefined;
  }

  /** Whether the same call can succeed later without a change. */
  get retryable(): boolean {
    if (this.code === Code.RESOURCE_EXHAUSTED) {
      return !LASTING.includes(this.reason);
    }
    // A service that is restarted can end a call as Unknown.
    return this.code === Code.UNAVAILABLE || this.code === Code.UNKNOWN;
  }

  /** What the server says about one field of the request. */
  violation(field: string): string | undefined {
    return this.violations.find((violation) => violation.field === field)?.description;
  }

  /** Returns any thrown value as an ApiError. What is no ApiError is a fault of the page. */
  static from(thrown: unknown): ApiError {
    if (thrown instanceof ApiError) {
      return thrown;
    }
    return new ApiError(Code.INTERNAL, thrown instanceof Error ? thrown.message : String(thrown), { reason: "PAGE" });
  }
}

export function unreachable(message: string, traceId: string): ApiError {
  return new ApiError(Code.UNAVAILABLE, message, { reason: UNREACHABLE, traceId });
}

/** Returns the error of trailers, or of headers that end the call. Undefined if the status is OK. */
export function errorOfTrailers(trailers: Headers, traceId: string): ApiError | undefined {
  const code = Number.parseInt(trailers.get("grpc-status") ?? "", 10);
  if (code === Code.OK) {
    return undefined;
  }
  return new ApiError(Number.isNaN(code) ? Code.UNKNOWN : code, decodeMessage(trailers.get("grpc-message") ?? ""), {
    ...readStatus(trailers.get("grpc-status-details-bin") ?? ""),
    traceId,
    retryAfter: trailers.get("retry-after") ?? undefined,
  });
}

/** Returns the error of a JSON route. */
export function errorOfJson(httpStatus: number, body: string, retryAfter: string | null, traceId: string): ApiError {
  try {
    const status = JSON.parse(body);
    const details: Partial<Details> = {};
    for (const detail of status.details ?? []) {
      if (String(detail["@type"]).endsWith("google.rpc.ErrorInfo")) {
        details.reason = detail.reason;
        details.metadata = detail.metadata ?? {};
      } else if (String(detail["@type"]).endsWith("google.rpc.BadRequest")) {
        details.violations = detail.field_violations ?? [];
      }
    }
    if (typeof status.code === "number") {
      return new ApiError(status.code, String(status.message), { ...details, traceId, retryAfter: retryAfter ?? "" });
    }
  } catch {
    // The body is no error of the API.
  }
  return errorOfHttp(httpStatus, traceId);
}

/** Returns the error of a response that is not from the API, for example of a proxy. */
export function errorOfHttp(httpStatus: number, traceId: string): ApiError {
  const code = CODE_OF_HTTP[httpStatus];
  const message = `The server answered with HTTP ${httpStatus}, and not as the API does`;
  return code === undefined ? unreachable(message, traceId) : new ApiError(code, message, { traceId });
}

function decodeMessage(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

function readStatus(base64: string): Partial<Details> {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return readDetails(bytes);
  } catch {
    // The code and the message are known without details.
    return {};
  }
}

// The three messages of google.rpc are read by field number. Their generated descriptors would be 6 kB of the script.
function readDetails(status: Uint8Array): Details {
  const details: Details = { reason: "", metadata: {}, violations: [] };
  for (const any of fieldsOf(status)[3] ?? []) {
    const { 1: types = [], 2: values = [] } = fieldsOf(any);
    const type = text(types[0]);
    const value = fieldsOf(values[0] ?? new Uint8Array());
    if (type.endsWith("/google.rpc.ErrorInfo")) {
      details.reason = text(value[1]?.[0]);
      for (const entry of value[3] ?? []) {
        const { 1: keys, 2: texts } = fieldsOf(entry);
        details.metadata[text(keys?.[0])] = text(texts?.[0]);
      }
    } else if (type.endsWith("/google.rpc.BadRequest")) {
      for (const violation of value[1] ?? []) {
        const { 1: names, 2: descriptions } = fieldsOf(violation);
        details.violations.push({ field: text(names?.[0]), description: text(descriptions?.[0]) });
      }
    }
  }
  return details;
}

/** Returns the length-delimited fields of a message by number. */
function fieldsOf(message: Uint8Array): Record<number, Uint8Array[]> {
  const LENGTH_DELIMITED = 2;
  const fields: Record<number, Uint8Array[]> = {};
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === LENGTH_DELIMITED) {
      fields[number] ??= [];
      fields[number].push(reader.bytes());
    } else {
      reader.skip(wireType);
    }
  }
  return fields;
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}
