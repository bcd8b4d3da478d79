import { create } from "@bufbuild/protobuf";
import { expect, it, vi } from "vitest";
import { ListScenariosResponseSchema } from "../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { type Transport, transport } from "../rpc/client.ts";
import { categoryName, choicesOf, languageName, loadBoardChoices, loadChoices } from "./choices.ts";

it("categories and languages are those of all pages of scenarios", async () => {
  const page = (category: string, language: string, nextPageToken: string) =>
    create(ListScenariosResponseSchema, { scenarios: [{ category, language }], nextPageToken });
  const unary = vi
    .fn()
    .mockResolvedValueOnce(page("medical", "en", "2"))
    .mockResolvedValueOnce(page("banking", "de", ""));
  transport.value = { unary, stream: vi.fn() } as unknown as Transport;
  const choices = await loadChoices(new AbortController().signal);
  expect(choices).toEqual({ categories: ["banking", "medical"], languages: ["de", "en"] });
  expect(unary.mock.calls.map(([, request]) => request.pageToken)).toEqual(["", "2"]);
});

it("boards are by language without its region, and count archived scenarios", async () => {
  const scenarios = ["en-US", "en", "de-AT"].map((language) => ({ category: "medical", language }));
  const unary = vi.fn().mockResolvedValueOnce(create(ListScenariosResponseSchema, { scenarios }));
  transport.value = { unary, stream: vi.fn() } as unknown as Transport;
  const choices = await loadBoardChoices(new AbortController().signal);
  expect(choices).toEqual({ categories: ["medical"], languages: ["de", "en"] });
  expect(unary.mock.calls[0]?.[1].includeArchived).toBe(true);
});

it("a list has any, what is known, and what was chosen by a link", () => {
  expect(choicesOf("Any", ["medical"], "parcels", categoryName)).toEqual([
    { value: "", label: "Any" },
    { value: "medical", label: "Medical" },
    { value: "parcels", label: "Parcels" },
  ]);
});

it("names are for people, and a tag that is no language stays as it is", () => {
  expect(categoryName("customer_service")).toBe("Customer service");
  expect([languageName("de"), languageName("not a tag")]).toEqual(["German", "not a tag"]);
});
