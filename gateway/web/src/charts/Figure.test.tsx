// @vitest-environment jsdom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Figure, type Mark } from "./Figure.tsx";

let read: number | null | undefined;

function show(marks: readonly Mark[]): void {
  const body = (active: number | null) => {
    read = active;
    return null;
  };
  const draw = () => ({ marks, body });
  act(() =>
    render(
      <Figure title="t" description="d" height={100} draw={draw} table={{ columns: [], rows: [] }} />,
      document.body,
    ),
  );
}

// jsdom has no layout.
beforeEach(
  () =>
    void vi.stubGlobal(
      "ResizeObserver",
      class {
        observe() {}
        disconnect() {}
      },
    ),
);
afterEach(() => {
  act(() => render(null, document.body));
  vi.unstubAllGlobals();
});

test("a mark that is read is followed by the last one when there are fewer, and by none when there are none", () => {
  show([
    { x: 0, label: "a" },
    { x: 1, label: "b" },
    { x: 2, label: "c" },
  ]);
  const slider = document.querySelector("input") ?? expect.unreachable("there is no slider");
  slider.value = "2";
  act(() => void slider.dispatchEvent(new Event("input", { bubbles: true })));
  expect(read).toBe(2);
  show([
    { x: 0, label: "a" },
    { x: 1, label: "b" },
  ]);
  expect(read).toBe(1);
  show([]);
  expect(read).toBeNull();
});
