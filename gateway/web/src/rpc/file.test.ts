import { expect, test } from "vitest";
import { readFile } from "./file.ts";

async function* pieces(...texts: string[]) {
  for (const [index, text] of texts.entries()) {
    yield { contentType: index === 0 ? "text/html" : "", data: new TextEncoder().encode(text) };
  }
}

test("a file has the type of its first piece, and its size is told while it arrives", async () => {
  const told: number[] = [];
  const file = await readFile(pieces("<p>", "", "ü</p>"), (bytes) => told.push(bytes));
  expect([await file.text(), file.type, told]).toEqual(["<p>ü</p>", "text/html", [3, 3, 9]]);
});

test("a file without pieces is empty", async () => {
  expect((await readFile(pieces())).size).toBe(0);
});
