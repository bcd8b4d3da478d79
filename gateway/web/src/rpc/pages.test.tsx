// @vitest-environment jsdom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError, Code } from "./errors.ts";
import { type ListPage, type Pages, usePages } from "./pages.ts";

const PAGES: Record<string, ListPage<string>> = {
  "": { rows: ["a", "b"], nextPageToken: "2" },
  "2": { rows: ["c"], nextPageToken: "" },
};

let pages: Pages<string>;
const load = vi.fn((token: string) => Promise.resolve(PAGES[token] ?? { rows: [], nextPageToken: "" }));

function List({ filter }: { filter: string }) {
  pages = usePages(load, [filter]);
  return null;
}

async function show(filter: string): Promise<void> {
  await act(async () => render(<List filter={filter} />, document.body));
}

function shown(rows: string[], hasMore: boolean): Promise<void> {
  return vi.waitFor(() => expect([pages.rows, pages.hasMore]).toEqual([rows, hasMore]));
}

afterEach(() => {
  render(null, document.body);
  load.mockClear();
});

test("pages follow each other until the last one", async () => {
  await show("");
  await shown(["a", "b"], true);
  await act(async () => pages.more());
  await shown(["a", "b", "c"], false);
});

test("another filter begins with the first page", async () => {
  await show("");
  await shown(["a", "b"], true);
  await act(async () => pages.more());
  await shown(["a", "b", "c"], false);
  load.mockResolvedValueOnce({ rows: ["x"], nextPageToken: "" });
  await show("other");
  await shown(["x"], false);
});

test("another filter has no rows until they are loaded, and no error of the one before", async () => {
  await show("");
  await shown(["a", "b"], true);
  load.mockRejectedValueOnce(new ApiError(Code.INVALID_ARGUMENT, "page_token: is too old"));
  await act(async () => pages.more());
  await vi.waitFor(() => expect(pages.error).toBeDefined());
  load.mockReturnValueOnce(new Promise(() => undefined));
  await show("other");
  expect(pages).toMatchObject({ rows: undefined, error: undefined, loading: true, hasMore: false });
});

test("a page that fails leaves the ones before and says why", async () => {
  await show("");
  await shown(["a", "b"], true);
  load.mockRejectedValueOnce(new ApiError(Code.INVALID_ARGUMENT, "page_token: is too old"));
  await act(async () => pages.more());
  await vi.waitFor(() => expect(pages.error?.message).toBe("page_token: is too old"));
  await shown(["a", "b"], true);
  await act(async () => pages.reload());
  await vi.waitFor(() => expect(pages.error).toBeUndefined());
});
