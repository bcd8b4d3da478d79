// Uploads of files. gRPC-Web has no client streams, so they use the JSON route.

import { apiKey } from "../app/keys.ts";
import { ApiError, Code, errorOfJson, unreachable } from "./errors.ts";
import { newTrace } from "./trace.ts";

// The longest wait for the next progress, and for the response after the last byte.
const MAX_STALL_MS = 60_000;

export interface UploadOptions {
  signal?: AbortSignal;
  onProgress?: (sentBytes: number, totalBytes: number) => void;
}

/** Posts a form with files and returns the JSON of the response. Throws ApiError. XMLHttpRequest, because fetch does not
 * say how much was sent. */
export function upload(path: string, form: FormData, options: UploadOptions = {}): Promise<unknown> {
  const { traceparent, traceId } = newTrace();
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) {
      reject(new ApiError(Code.CANCELLED, "The upload was cancelled", { traceId }));
      return;
    }
    const request = new XMLHttpRequest();
    let isStalled = false;
    let stall: ReturnType<typeof setTimeout> | undefined;
    const waitForProgress = () => {
      clearTimeout(stall);
      stall = setTimeout(() => {
        isStalled = true;
        request.abort();
      }, MAX_STALL_MS);
    };
    const cancel = () => request.abort();
    options.signal?.addEventListener("abort", cancel);
    request.onloadend = () => {
      clearTimeout(stall);
      options.signal?.removeEventListener("abort", cancel);
    };
    request.upload.onprogress = (event) => {
      waitForProgress();
      options.onProgress?.(event.loaded, event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        try {
          resolve(JSON.parse(request.responseText));
        } catch {
          reject(unreachable("The response is not from the API", traceId));
        }
      } else {
        const retryAfter = request.getResponseHeader("retry-after");
        reject(errorOfJson(request.status, request.responseText, retryAfter, traceId));
      }
    };
    request.onerror = () => reject(unreachable("The connection was lost before the upload was complete", traceId));
    request.onabort = () =>
      reject(
        isStalled
          ? new ApiError(Code.UNAVAILABLE, "The upload stopped", { traceId })
          : new ApiError(Code.CANCELLED, "The upload was cancelled", { traceId }),
      );
    request.open("POST", path);
    request.setRequestHeader("traceparent", traceparent);
    const key = apiKey.peek();
    if (key) {
      request.setRequestHeader("authorization", `Bearer ${key}`);
    }
    request.send(form);
    waitForProgress();
  });
}
