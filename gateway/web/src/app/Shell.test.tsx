// @vitest-environment jsdom
import { render } from "preact";
import { useRoute } from "preact-iso";
import { afterEach, expect, test, vi } from "vitest";
import { en } from "../strings/en.ts";
import { Shell } from "./Shell.tsx";

function Model() {
  const { id } = useRoute().params;
  if (id === "faulty") {
    throw new Error("x is undefined");
  }
  return <h1 tabIndex={-1}>Model {id}</h1>;
}

vi.mock("./routes.ts", () => ({
  ROUTES: [{ path: "/models/:id", title: "Model", load: () => Promise.resolve({ default: Model }) }],
}));

function go(path: string): void {
  const link = document.createElement("a");
  link.href = path;
  document.body.append(link);
  link.click();
  link.remove();
}

function main(): Element {
  return document.querySelector("main") ?? expect.unreachable("there is no main");
}

function shows(text: string): Promise<void> {
  return vi.waitFor(() => expect(main().textContent).toContain(text));
}

afterEach(() => render(null, document.body));

test("a path of the same screen with another parameter shows a new screen and moves the focus to its heading", async () => {
  vi.stubGlobal("scrollTo", () => undefined);
  history.replaceState(null, "", "/models/a");
  render(<Shell />, document.body);
  await shows("Model a");
  go("/models/b");
  await shows("Model b");
  await vi.waitFor(() => expect(document.activeElement?.textContent).toBe("Model b"));
  go("/models/faulty");
  await shows(en.parts.pageFault);
  go("/models/c");
  await shows("Model c");
});
