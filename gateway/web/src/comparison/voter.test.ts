import { create } from "@bufbuild/protobuf";
import { beforeEach, expect, it, vi } from "vitest";
import { CreateVoterResponseSchema } from "../../gen/voicearena/auth/v1/auth_service_pb.js";
import { store } from "../app/stored.ts";
import { type Transport, transport } from "../rpc/client.ts";
import { ApiError, Code } from "../rpc/errors.ts";
import { storedSession, withVoter } from "./voter.ts";

const unary = vi.fn();

beforeEach(() => {
  store("browser", "voter_session", undefined);
  unary.mockReset();
  let made = 0;
  unary.mockImplementation(async () => create(CreateVoterResponseSchema, { sessionToken: `vt_${++made}` }));
  transport.value = { unary, stream: vi.fn() } as unknown as Transport;
});

it("a session is made at the first call, stored, and used again", async () => {
  const tokens = [await withVoter(async (token) => token), await withVoter(async (token) => token)];
  expect(tokens).toEqual(["vt_1", "vt_1"]);
  expect(storedSession()).toBe("vt_1");
  expect(unary).toHaveBeenCalledOnce();
  // A developer's key is not sent with it, because the session would then be that developer's listener.
  expect(unary.mock.calls[0]?.[2]).toEqual({ credential: null });
});

it("a session that has ended is replaced once", async () => {
  store("browser", "voter_session", "vt_old");
  const refuse = async (token: string) => {
    if (token === "vt_old") {
      throw new ApiError(Code.UNAUTHENTICATED, "ended");
    }
    return token;
  };
  expect(await withVoter(refuse)).toBe("vt_1");
  expect(storedSession()).toBe("vt_1");
  await expect(withVoter(() => Promise.reject(new ApiError(Code.UNAUTHENTICATED, "no")))).rejects.toThrow("no");
});

it("other errors replace no session", async () => {
  store("browser", "voter_session", "vt_old");
  await expect(withVoter(() => Promise.reject(new ApiError(Code.UNAVAILABLE, "down")))).rejects.toThrow("down");
  expect(storedSession()).toBe("vt_old");
  expect(unary).not.toHaveBeenCalled();
});
