import { expect, test } from "vitest";
import { ApiError, Code, errorOfHttp, errorOfJson, errorOfTrailers, UNREACHABLE } from "./errors.ts";

// A google.rpc.Status with ErrorInfo, RetryInfo and BadRequest, written by Python's protobuf.
const DETAILS =
  "CAMSJG1vZGVsczogbXVzdCBiZSAyIHRvIDQgbW9kZWxzLCBnb3QgMRpiCih0eXBlLmdvb2dsZWFwaXMuY29tL2dvb2dsZS5ycGMuRXJyb3JJbmZvEjYKDUlOVkFMSURfSU5QVVQSCnZvaWNlYXJlbmEaDQoHZ3LDtsOfZRICw6kaCgoFbGltaXQSATQaKgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxpwCil0eXBlLmdvb2dsZWFwaXMuY29tL2dvb2dsZS5ycGMuQmFkUmVxdWVzdBJDCiYKBm1vZGVscxIcbXVzdCBiZSAyIHRvIDQgbW9kZWxzLCBnb3QgMQoZCgRuYW1lEhFtdXN0IG5vdCBiZSBlbXB0eQ";

test("trailers with the status 0 are no error", () => {
  expect(errorOfTrailers(new Headers({ "grpc-status": "0" }), "t")).toBeUndefined();
});

test("an error has its message, reason, metadata, bad fields and trace id", () => {
  const trailers = new Headers({
    "grpc-status": "3",
    "grpc-message": "models: must be 2 to 4 models, got 1",
    "grpc-status-details-bin": DETAILS,
  });
  const error = errorOfTrailers(trailers, "abc");
  expect(error).toMatchObject({
    code: Code.INVALID_ARGUMENT,
    message: "models: must be 2 to 4 models, got 1",
    reason: "INVALID_INPUT",
    metadata: { limit: "4", größe: "é" },
    violations: [
      { field: "models", description: "must be 2 to 4 models, got 1" },
      { field: "name", description: "must not be empty" },
    ],
    traceId: "abc",
  });
  expect(error?.violation("name")).toBe("must not be empty");
  expect(error?.violation("prompts")).toBeUndefined();
  expect(error?.retryable).toBe(false);
});

test("the message is decoded, and shown as it is if that fails", () => {
  const message = (text: string) =>
    errorOfTrailers(new Headers({ "grpc-status": "5", "grpc-message": text }), "")?.message;
  expect(message("no %22caf%C3%A9%22")).toBe('no "café"');
  expect(message("100% full")).toBe("100% full");
});

test("details that are not readable leave the code and the message", () => {
  const trailers = new Headers({ "grpc-status": "14", "grpc-message": "gone", "grpc-status-details-bin": "CP8" });
  expect(errorOfTrailers(trailers, "")).toMatchObject({ code: Code.UNAVAILABLE, message: "gone", reason: "" });
});

test("trailers without a status are an unknown error", () => {
  expect(errorOfTrailers(new Headers(), "")?.code).toBe(Code.UNKNOWN);
});

test.each([
  ["UNAVAILABLE", true],
  ["UNKNOWN", true],
  ["RESOURCE_EXHAUSTED", true],
  ["DEADLINE_EXCEEDED", false],
  ["ABORTED", false],
  ["UNAUTHENTICATED", false],
] as const)("whether %s can pass by itself: %s", (code, retryable) => {
  expect(new ApiError(Code[code], "").retryable).toBe(retryable);
});

test("the pause that the server asks for is in the metadata or in a header", () => {
  const headers = new Headers({ "grpc-status": "8", "retry-after": "7" });
  expect(errorOfTrailers(headers, "")?.retryAfterSeconds).toBe(7);
  expect(new ApiError(Code.UNAVAILABLE, "", { metadata: { retry_after_seconds: "2.5" } }).retryAfterSeconds).toBe(2.5);
  expect(new ApiError(Code.UNAVAILABLE, "").retryAfterSeconds).toBeUndefined();
});

test("an error of a JSON route is the same error", () => {
  const body = JSON.stringify({
    code: 8,
    message: "too many",
    details: [
      { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "BUSY", metadata: { limit: "2" } },
      { "@type": "type.googleapis.com/google.rpc.BadRequest", field_violations: [{ field: "a", description: "b" }] },
    ],
  });
  expect(errorOfJson(429, body, "3", "abc")).toMatchObject({
    code: Code.RESOURCE_EXHAUSTED,
    message: "too many",
    reason: "BUSY",
    metadata: { limit: "2" },
    violations: [{ field: "a", description: "b" }],
    retryAfterSeconds: 3,
    traceId: "abc",
  });
});

test.each([404, 405, 502, 503])("HTTP %d without an error of the API means that the API is not reached", (status) => {
  expect(errorOfJson(status, "<html>", null, "")).toMatchObject({ code: Code.UNAVAILABLE, reason: UNREACHABLE });
});

test("HTTP 429 of a proxy can be tried again, HTTP 403 can't", () => {
  expect(errorOfHttp(429, "").retryable).toBe(true);
  expect(errorOfHttp(403, "").retryable).toBe(false);
});

test("anything else that is thrown is a fault of the page", () => {
  expect(ApiError.from(new TypeError("x is undefined"))).toMatchObject({ message: "x is undefined", reason: "PAGE" });
});
