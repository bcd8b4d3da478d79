// @vitest-environment jsdom
import { render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { en } from "../strings/en.ts";
import { Screen } from "./screen.tsx";

const fetched = vi.fn<typeof fetch>();
const onShown = vi.fn();

beforeEach(() => {
  vi.stubGlobal("fetch", fetched);
  document.head.innerHTML = '<script type="module" src="/assets/index-1.js"></script>';
});

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  onShown.mockClear();
});

function show(load: () => Promise<{ default: () => preact.JSX.Element }>): void {
  render(<Screen route={{ path: "/x", title: "Battle", load }} onShown={onShown} />, document.body);
}

function text(expected: string): Promise<void> {
  return vi.waitFor(() => expect(document.body.textContent).toContain(expected));
}

test("a screen has a skeleton and its title until its chunk is there", async () => {
  let arrive: (chunk: { default: () => preact.JSX.Element }) => void = () => undefined;
  show(() => new Promise((resolve) => (arrive = resolve)));
  await text(en.parts.loading);
  await vi.waitFor(() => expect(document.title).toBe("Battle – Voice Arena"));
  expect(onShown).not.toHaveBeenCalled();
  arrive({ default: () => <h1>Here</h1> });
  await text("Here");
  expect(onShown).toHaveBeenCalledTimes(1);
});

test("a chunk that is gone after an upgrade is an offer to reload", async () => {
  fetched.mockResolvedValue(new Response('<script type="module" src="/assets/index-2.js"></script>'));
  show(() => Promise.reject(new TypeError("Failed to fetch dynamically imported module")));
  await text(en.shell.upgraded);
  expect(document.querySelector("button")?.textContent).toBe(en.shell.reload);
});

test.each([
  ["the server has the same version", () => Promise.resolve(new Response('src="/assets/index-1.js"'))],
  ["nothing answers", () => Promise.reject(new TypeError("Failed to fetch"))],
])("a chunk that fails while %s is a lost connection", async (_, respond) => {
  fetched.mockImplementation(respond);
  show(() => Promise.reject(new TypeError("Failed to fetch dynamically imported module")));
  await text(en.shell.chunkFailed);
});

test("a fault of a screen stands in its place and can be retried", async () => {
  let isFaulty = true;
  show(() =>
    Promise.resolve({
      default: () => {
        if (isFaulty) {
          throw new Error("x is undefined");
        }
        return <h1>Here</h1>;
      },
    }),
  );
  await text(en.parts.pageFault);
  await text("x is undefined");
  isFaulty = false;
  document.querySelector("button")?.click();
  await vi.waitFor(() => expect(document.querySelector("h1")?.textContent).toBe("Here"));
});
