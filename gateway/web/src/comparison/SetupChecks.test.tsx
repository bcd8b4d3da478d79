// @vitest-environment jsdom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test, vi } from "vitest";
import { SetupChecks } from "./SetupChecks.tsx";

vi.mock("./checks.tsx", () => ({ Checks: () => <input /> }));

afterEach(() => act(() => render(null, document.body)));

test("checks that are opened again keep their state", async () => {
  act(() => render(<SetupChecks />, document.body));
  const details = document.querySelector("details") ?? expect.unreachable("there are no details");
  const open = async () => {
    details.open = true;
    await act(async () => void details.dispatchEvent(new Event("toggle")));
    await vi.dynamicImportSettled();
    await vi.waitFor(() => expect(document.querySelector("input")).not.toBeNull());
    return document.querySelector("input");
  };
  const first = await open();
  expect(await open()).toBe(first);
});
