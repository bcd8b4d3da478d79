import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "vitest";
import { type Scenario, Scenario_Difficulty, ScenarioSchema } from "../../../gen/voicearena/elo/v1/scenario_pb.js";
import { ListScenariosResponseSchema } from "../../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { type Transport, transport } from "../../rpc/client.ts";
import { gateway } from "../../rpc/gateway.ts";
import { DEFAULTS, difficultyName, listAll, listCommand, listRequest, MAX_LISTED, sorted, sortOf } from "./state.ts";

afterEach(() => {
  transport.value = gateway;
});

function scenario(id: string, values: Partial<Scenario> = {}): Scenario {
  return create(ScenarioSchema, { id, name: id, ...values } as never);
}

const names = (scenarios: Scenario[]) => scenarios.map(({ id }) => id).join("");

/** Answers with pages of 100, `pages` in all. Returns the tokens that were asked for. */
function answerWith(pages: number): string[] {
  const asked: string[] = [];
  transport.value = {
    unary: async (_method: unknown, request: { pageToken: string }) => {
      asked.push(request.pageToken);
      const at = asked.length;
      return create(ListScenariosResponseSchema, {
        scenarios: Array.from({ length: 100 }, (_, row) => scenario(`${at}-${row}`)),
        nextPageToken: at < pages ? `page ${at + 1}` : "",
      });
    },
  } as unknown as Transport;
  return asked;
}

test("the URL selects the list", () => {
  expect(listRequest(DEFAULTS)).toEqual({
    category: "",
    language: "",
    difficulty: Scenario_Difficulty.difficulty_unspecified,
    createdByMe: false,
    includeArchived: false,
    pageSize: 100,
  });
  const state = { ...DEFAULTS, category: "sales", language: "de", difficulty: "hard", whose: "mine", archived: "yes" };
  expect(listRequest(state)).toMatchObject({
    category: "sales",
    language: "de",
    difficulty: Scenario_Difficulty.hard,
    createdByMe: true,
    includeArchived: true,
  });
});

test("a value in the URL that the page does not know selects all", () => {
  expect(listRequest({ ...DEFAULTS, difficulty: "<script>", whose: "?", archived: "?" })).toEqual(
    listRequest(DEFAULTS),
  );
  expect(sortOf("-provider")).toBeUndefined();
  expect(sortOf("constructor")).toBeUndefined();
});

test("all pages are read until the last one", async () => {
  const asked = answerWith(3);
  const found = await listAll({ category: "sales" }, new AbortController().signal);
  expect(asked).toEqual(["", "page 2", "page 3"]);
  expect([found.scenarios.length, found.isComplete]).toEqual([300, true]);
});

test("a list of many pages is bounded and says so", async () => {
  const asked = answerWith(1000);
  const found = await listAll({}, new AbortController().signal);
  expect(asked.length).toBe(5);
  expect([found.scenarios.length, found.isComplete]).toEqual([MAX_LISTED, false]);
});

test("scenarios are sorted by a column, and those without votes come last by ties", () => {
  const found = [
    scenario("c", { totalBattles: 2, tieShare: 0.5 }),
    scenario("a", { totalBattles: 9 }),
    scenario("b", { totalBattles: 4, tieShare: 0.1 }),
  ];
  expect(names(sorted(found, ""))).toBe("cab");
  expect(names(sorted(found, "name"))).toBe("abc");
  expect(names(sorted(found, "-battles"))).toBe("abc");
  expect(names(sorted(found, "ties"))).toBe("bca");
  expect(names(sorted(found, "-ties"))).toBe("cba");
  expect(sortOf("-ties")).toEqual({ by: "ties", descending: true });
});

test("the command lists the same", () => {
  expect(listCommand(DEFAULTS)).toEqual(["scenario", "list"]);
  const state = {
    ...DEFAULTS,
    category: "sales",
    language: "pt-BR",
    difficulty: "hard",
    whose: "mine",
    archived: "yes",
  };
  expect(listCommand(state).join(" ")).toBe(
    "scenario list --category sales --language pt-BR --difficulty hard --mine --archived",
  );
});

test("a difficulty that the page does not know has no name", () => {
  expect(difficultyName(Scenario_Difficulty.easy)).toBe("easy");
  expect(difficultyName(99 as Scenario_Difficulty)).toBe("");
});
