// @vitest-environment jsdom
import { create } from "@bufbuild/protobuf";
import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RegisterDeveloperResponseSchema } from "../../../gen/voicearena/auth/v1/auth_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { type Transport, transport } from "../../rpc/client.ts";
import { ApiError, Code } from "../../rpc/errors.ts";
import { texts } from "../../strings/console.ts";
import { Account } from "./Account.tsx";

const KEY = `kc_${"a".repeat(40)}`;
const unary = vi.fn<(method: { name: string }, request: { requestId?: string }) => Promise<unknown>>();
const before = transport.peek();

beforeEach(() => {
  transport.value = { ...before, unary: unary as unknown as Transport["unary"] };
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
    this.open = false;
  };
  render(<Account />, document.body);
});

afterEach(() => {
  render(null, document.body);
  transport.value = before;
  apiKey.value = undefined;
  sessionStorage.clear();
  unary.mockReset();
});

function fill(at: number, text: string): void {
  const input = document.querySelectorAll("input")[at];
  if (input) {
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function submit(): void {
  document.querySelector("form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
}

test("a new key is shown once and is in use for this tab", async () => {
  unary.mockImplementation((method) =>
    method.name === "RegisterDeveloper"
      ? Promise.resolve(create(RegisterDeveloperResponseSchema, { apiKey: KEY }))
      : new Promise(() => undefined),
  );
  fill(0, "Ada");
  fill(1, "ada@example.com");
  submit();
  await vi.waitFor(() => expect(document.querySelector("dialog pre")?.textContent).toBe(KEY));
  expect(unary.mock.calls[0]?.[1]).toMatchObject({ name: "Ada", email: "ada@example.com" });
  expect(apiKey.value).toBe(KEY);
  expect([sessionStorage.length, localStorage.length]).toEqual([1, 0]);
  const done = [...document.querySelectorAll<HTMLElement>("dialog button")].at(-1);
  expect(done?.textContent).toBe(texts.account.done);
  done?.click();
  await vi.waitFor(() => expect(document.querySelector("dialog")).toBeNull());
  expect(document.body.textContent).not.toContain(KEY);
});

test("what is wrong with a field stands at the field", async () => {
  const violations = [{ field: "email", description: "must be an e-mail address" }];
  unary.mockRejectedValue(new ApiError(Code.INVALID_ARGUMENT, "email: must be an e-mail address", { violations }));
  submit();
  await vi.waitFor(() => expect(document.querySelector(".field-error")?.textContent).toBe("must be an e-mail address"));
  expect(document.querySelectorAll("input")[1]?.getAttribute("aria-invalid")).toBe("true");
  expect(document.querySelector(".failure")).toBeNull();
});

test("the same registration keeps its request id, so that it can be repeated; another one gets its own", async () => {
  unary.mockRejectedValue(new ApiError(Code.UNAVAILABLE, "gone"));
  fill(0, "Ada");
  submit();
  await vi.waitFor(() => expect(document.querySelector(".failure")).not.toBeNull());
  submit();
  await vi.waitFor(() => expect(unary).toHaveBeenCalledTimes(2));
  fill(0, "Grace");
  await vi.waitFor(() => {
    submit();
    expect(unary).toHaveBeenCalledTimes(3);
  });
  const ids = unary.mock.calls.map(([, request]) => request.requestId);
  expect(ids[1]).toBe(ids[0]);
  expect(ids[2]).not.toBe(ids[0]);
});
