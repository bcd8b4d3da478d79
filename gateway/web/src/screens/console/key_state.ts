import type { ApiKey } from "../../../gen/voicearena/auth/v1/auth_pb.js";
import { serverNow } from "../../format/clock.ts";
import { stampMs } from "../../format/time.ts";

type KeyState = "active" | "revoked" | "expired" | "replaced";

type StatedKey = Pick<ApiKey, "revokedAt" | "expiresAt" | "replacedBy">;

/** Returns whether a key works. A replaced key works until it expires. */
export function keyState(key: StatedKey, nowMs: number = serverNow()): KeyState {
  if (key.revokedAt) {
    return "revoked";
  }
  if (key.expiresAt && stampMs(key.expiresAt) <= nowMs) {
    return "expired";
  }
  return key.replacedBy === "" ? "active" : "replaced";
}
