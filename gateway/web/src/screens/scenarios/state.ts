// What the URL of the screen says, and the calls that follow from it.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Scenario, Scenario_Difficulty } from "../../../gen/voicearena/elo/v1/scenario_pb.js";
import {
  type ListScenariosRequestSchema,
  ScenarioService,
} from "../../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { call } from "../../rpc/client.ts";

/** The state in the URL. `id` opens a scenario; `view` is `new` or `edit`. */
export const DEFAULTS = {
  category: "",
  language: "",
  difficulty: "",
  whose: "",
  archived: "",
  sort: "",
  id: "",
  view: "",
};

export type State = typeof DEFAULTS;

const PAGE_SIZE = 100;
/** The largest number of scenarios that the list shows. */
export const MAX_LISTED = 500;

const DIFFICULTIES: Record<string, Scenario_Difficulty> = {
  easy: Scenario_Difficulty.easy,
  medium: Scenario_Difficulty.medium,
  hard: Scenario_Difficulty.hard,
};

export const DIFFICULTY_NAMES = Object.keys(DIFFICULTIES);

/** Returns the name of a difficulty, and the difficulty of a name. An unknown name selects all. */
export const difficultyName = (value: Scenario_Difficulty) => Scenario_Difficulty[value] ?? "";
export const difficultyOf = (name: string) => DIFFICULTIES[name] ?? Scenario_Difficulty.difficulty_unspecified;

type ListRequest = MessageInitShape<typeof ListScenariosRequestSchema>;

/** Returns the request of the list that the URL describes. */
export function listRequest(state: State): ListRequest {
  return {
    category: state.category,
    language: state.language,
    difficulty: difficultyOf(state.difficulty),
    createdByMe: state.whose === "mine",
    includeArchived: state.archived === "yes",
    pageSize: PAGE_SIZE,
  };
}

/** Returns the words of the command that lists the same. */
export function listCommand(state: State): string[] {
  const options = (["category", "language", "difficulty"] as const).filter((name) => state[name] !== "");
  return [
    ...["scenario", "list", ...options.flatMap((name) => [`--${name}`, state[name]])],
    ...(state.whose === "mine" ? ["--mine"] : []),
    ...(state.archived === "yes" ? ["--archived"] : []),
  ];
}

/** Reads the pages of a list, up to MAX_LISTED scenarios. `isComplete` says whether there are no more. */
export async function listAll(
  request: ListRequest,
  signal: AbortSignal,
): Promise<{ scenarios: Scenario[]; isComplete: boolean }> {
  const scenarios: Scenario[] = [];
  let pageToken = "";
  do {
    const page = await call(ScenarioService.method.listScenarios, { ...request, pageToken }, { signal });
    scenarios.push(...page.scenarios);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && scenarios.length < MAX_LISTED);
  return { scenarios, isComplete: pageToken === "" };
}

type Order = (one: Scenario, other: Scenario) => number;

const ORDERS: Record<string, Order> = {
  name: (one, other) => one.name.localeCompare(other.name),
  battles: (one, other) => one.totalBattles - other.totalBattles,
  votes: (one, other) => one.totalVotes - other.totalVotes,
  ties: (one, other) => (one.tieShare ?? -1) - (other.tieShare ?? -1),
};

/** Returns what a sort in the URL says: `ties`, or `-ties` for the largest first. Undefined if it names no column. */
export function sortOf(text: string): { by: string; descending: boolean } | undefined {
  const descending = text.startsWith("-");
  const by = descending ? text.slice(1) : text;
  return Object.hasOwn(ORDERS, by) ? { by, descending } : undefined;
}

/** Returns scenarios in an order. Without one, they stay in the order of creation. Those without votes come last. */
export function sorted(scenarios: readonly Scenario[], text: string): Scenario[] {
  const sort = sortOf(text);
  const order = sort && ORDERS[sort.by];
  if (!sort || !order) {
    return [...scenarios];
  }
  const unknown = (scenario: Scenario) => Number(sort.by === "ties" && scenario.tieShare === undefined);
  return [...scenarios].sort(
    (one, other) => unknown(one) - unknown(other) || (sort.descending ? order(other, one) : order(one, other)),
  );
}
