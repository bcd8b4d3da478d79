import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { SideMetricsSchema } from "../../../gen/voicearena/elo/v1/battle_pb.js";
import { VoteInBattleResponseSchema } from "../../../gen/voicearena/elo/v1/battle_service_pb.js";
import { isSwapped, metricsOf, rowsOf } from "./measured.ts";

const good = { wordErrorRate: 0, semascore: 0.98, durationSeconds: 3 };
const poor = { wordErrorRate: 0.2, semascore: 0.9, durationSeconds: 2 };

function reveal(clipA: string) {
  return create(VoteInBattleResponseSchema, {
    battle: { modelAId: "mdl_1", modelBId: "mdl_2", metricsA: good, metricsB: poor },
    clipAModel: { id: clipA },
    clipBModel: { id: clipA === "mdl_1" ? "mdl_2" : "mdl_1" },
  });
}

describe("the metrics after a vote", () => {
  it("belong to the clips as the voter heard them, also if the sides were swapped", () => {
    expect(isSwapped(reveal("mdl_1"))).toBe(false);
    expect(metricsOf(reveal("mdl_1")).a?.wordErrorRate).toBe(0);
    expect(isSwapped(reveal("mdl_2"))).toBe(true);
    expect(metricsOf(reveal("mdl_2")).a?.wordErrorRate).toBe(0.2);
  });

  it("mark the better side, where there is one", () => {
    const rows = rowsOf(metricsOf(reveal("mdl_2")));
    expect(rows).toEqual([
      { metric: "wordErrorRate", a: "20.0%", b: "0.0%", better: "b" },
      { metric: "semascore", a: "0.90", b: "0.98", better: "b" },
      {
        metric: "durationSeconds",
        a: expect.stringContaining("2"),
        b: expect.stringContaining("3"),
        better: undefined,
      },
    ]);
  });

  it("mark no side if the values look equal, or one is missing, and leave out what nobody measured", () => {
    const a = create(SideMetricsSchema, { semascore: 0.981, prosodyScore: 0.5 });
    const b = create(SideMetricsSchema, { semascore: 0.984 });
    expect(rowsOf({ a, b })).toEqual([
      { metric: "semascore", a: "0.98", b: "0.98", better: undefined },
      { metric: "prosodyScore", a: "0.50", b: "–", better: undefined },
    ]);
    expect(rowsOf({})).toEqual([]);
  });
});
