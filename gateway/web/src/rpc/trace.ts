/** Returns a new W3C `traceparent` and its trace id. The mesh continues this trace, so its logs have the same id. */
export function newTrace(): { traceparent: string; traceId: string } {
  const traceId = randomHex(16);
  return { traceparent: `00-${traceId}-${randomHex(8)}-01`, traceId };
}

/** Returns random bytes as hexadecimal digits. crypto.randomUUID exists only in secure contexts. */
export function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}
