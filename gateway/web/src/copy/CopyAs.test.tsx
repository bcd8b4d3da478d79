// @vitest-environment jsdom

import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LeaderboardService } from "../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import { Status } from "../parts/Status.tsx";
import { CopyAs } from "./CopyAs.tsx";

const written = vi.fn<(text: string) => Promise<void>>();

beforeEach(() => {
  written.mockReset();
  vi.stubGlobal("navigator", { clipboard: { writeText: written } });
  document.execCommand = () => false;
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function () {
    this.setAttribute("open", "");
  };
  HTMLDialogElement.prototype.close = function () {
    this.removeAttribute("open");
  };
  show(["leaderboard"]);
});
afterEach(() => {
  act(() => render(null, document.body));
  vi.unstubAllGlobals();
});

function show(cli?: string[]) {
  act(() => {
    render(
      <>
        <CopyAs method={LeaderboardService.method.getLeaderboard} request={{}} {...(cli ? { cli } : {})} />
        <Status />
      </>,
      document.body,
    );
  });
}

function press(key: string) {
  act(() => {
    document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  });
}

function click(element: Element | null) {
  act(() => (element as HTMLElement).click());
}

const button = () => document.querySelector<HTMLElement>("[aria-haspopup=menu]");
const items = () => [...document.querySelectorAll("[role=menuitem]")].map((item) => item.textContent);

test("the menu has each language, and the command only if there is one", () => {
  click(button());
  expect(items()).toEqual(["curl", "grpcurl", "Python", "arena command"]);
  act(() => render(null, document.body));
  show();
  click(button());
  expect(items()).toEqual(["curl", "grpcurl", "Python"]);
});

test("keys open the menu, move in it in a circle, and Escape returns to the button", () => {
  button()?.focus();
  press("ArrowDown");
  expect(document.activeElement?.textContent).toBe("curl");
  press("ArrowUp");
  expect(document.activeElement?.textContent).toBe("arena command");
  press("Home");
  press("ArrowDown");
  expect(document.activeElement?.textContent).toBe("grpcurl");
  press("Escape");
  expect(items()).toEqual([]);
  expect(document.activeElement).toBe(button());
});

test("the chosen text is copied, and the live region says so", async () => {
  written.mockResolvedValue();
  click(button());
  click(document.querySelector("[role=menuitem]"));
  await vi.waitFor(() => {
    expect(document.querySelector("[role=status]")?.textContent).toBe("Copied as curl");
  });
  expect(written).toHaveBeenCalledWith(`curl -s ${location.origin}/api/v1/leaderboard`);
});

test("a refused clipboard shows the text, selected", async () => {
  written.mockRejectedValue(new DOMException("denied", "NotAllowedError"));
  click(button());
  click(document.querySelector("[role=menuitem]"));
  const field = await vi.waitFor(() => {
    const found = document.querySelector<HTMLTextAreaElement>("dialog[open] textarea");
    expect(found).not.toBeNull();
    return found as HTMLTextAreaElement;
  });
  expect(field.value).toBe(`curl -s ${location.origin}/api/v1/leaderboard`);
  expect([field.selectionStart, field.selectionEnd]).toEqual([0, field.value.length]);
});
