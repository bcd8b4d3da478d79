import type { ComponentChild } from "preact";
import { render } from "preact-render-to-string";
import { describe, expect, test } from "vitest";
import tokens from "../app/tokens.css?raw";
import { Bars } from "./Bars.tsx";
import { DotInterval, intervalDomain } from "./DotInterval.tsx";
import { nearest } from "./Figure.tsx";
import { HEAT_STEPS, Heat, heatStep } from "./Heat.tsx";
import heat from "./heat.css?raw";
import { bandPath, type DayValue, holdPath, LineBand, runs, valueAt } from "./LineBand.tsx";
import { linePath, ParallelAxes, placeAmong } from "./ParallelAxes.tsx";
import { frontier, Scatter } from "./Scatter.tsx";
import { DAY_MS, linear } from "./scale.ts";

const markup = (element: ComponentChild) => render(element as never);
const rows = [
  { name: "Kokoro Heart", value: 1523, low: 1480, high: 1566 },
  { name: "eSpeak US", value: 1391, low: 1100, high: 1682, provisional: true },
  { name: "Piper Amy", value: 1601, low: 1570, high: 1632 },
  { name: "New", value: 1500, provisional: true },
];

// Every chart in a state with data, for what holds for all of them.
const every: Record<string, ComponentChild> = {
  DotInterval: <DotInterval title="Ratings" description="About ratings." rows={rows} tableOpen />,
  LineBand: (
    <LineBand
      title="History"
      description="About history."
      series={[{ name: "Kokoro", days: days([1500, 1510, null, null, 1520, 1525]) }]}
      events={[{ at: Date.UTC(2026, 10, 2), name: "Version 2" }]}
      tableOpen
    />
  ),
  ParallelAxes: (
    <ParallelAxes
      title="Profile"
      description="About the profile."
      measures={[
        { name: "Quality", better: "high", write: (value) => value.toFixed(1) },
        { name: "Word errors", better: "low", write: (value) => `${value}%` },
      ]}
      one={{ name: "Kokoro", values: [0.8, 3] }}
      field={[
        { name: "Piper", values: [0.6, 1] },
        { name: "eSpeak", values: [0.2, null] },
      ]}
      tableOpen
    />
  ),
  Scatter: (
    <Scatter
      title="Price"
      description="About price."
      spots={[
        { name: "Cheap", x: 0, y: 1400 },
        { name: "Dear", x: 0.2, y: 1600 },
      ]}
      x={{ name: "Price", better: "low", write: (value) => `$${value}`, fromZero: true }}
      y={{ name: "Rating", better: "high", write: String }}
      tableOpen
    />
  ),
  Bars: (
    <Bars
      title="Activity"
      description="About activity."
      series={["Battles", "Votes"]}
      days={[
        { date: "2026-11-25", amounts: [4, 2] },
        { date: "2026-11-26", amounts: [0, 0] },
      ]}
      tableOpen
    />
  ),
};

function days(values: readonly (number | null)[]): DayValue[] {
  return values.flatMap((value, index) =>
    value === null ? [] : [{ at: Date.UTC(2026, 10, 1 + index), value, low: value - 20, high: value + 20 }],
  );
}

describe.each(Object.entries(every))("%s", (_, element) => {
  const html = markup(element);

  test("has a title, a description and an image role for screen readers", () => {
    const labels = /<svg[^>]* role="img" aria-labelledby="(\S+) (\S+)"/.exec(html);
    expect(html).toMatch(
      new RegExp(`<title id="${labels?.[1]}">\\w+</title><desc id="${labels?.[2]}">About [\\w ]+\\.</desc>`),
    );
  });

  test("has a table behind it, with a header for each column and each row", () => {
    expect(html).toContain('<details class="chart-table" open>');
    expect(html).toMatch(/<th scope="col">/);
    expect(html).toMatch(/<th scope="row">/);
  });

  test("has no style attribute, which the Content-Security-Policy forbids", () => {
    expect(html).not.toMatch(/ style=/);
  });

  test("has no number that is not one", () => {
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe("DotInterval", () => {
  const html = markup(every.DotInterval);

  test("has the highest value first, and says what is provisional and what is unknown", () => {
    const read = [...html.matchAll(/<th scope="row">([^<]+)<\/th><td>([^<]+)<\/td><td>([^<]+)<\/td>/g)].map((each) =>
      each.slice(1),
    );
    expect(read).toEqual([
      ["Piper Amy", "1,601", "1,570 to 1,632"],
      ["Kokoro Heart", "1,523", "1,480 to 1,566"],
      ["New", "1,500", "not measured (provisional)"],
      ["eSpeak US", "1,391", "1,100 to 1,682 (provisional)"],
    ]);
  });

  test("provisional intervals do not widen the axis, and are cut with an arrow", () => {
    expect(intervalDomain(rows)).toEqual([1391 - 12.05, 1632 + 12.05]);
    expect(html.match(/class="whisker-cut"/g)).toHaveLength(2);
  });

  test("almost equal ratings do not look far apart", () => {
    const [low, high] = intervalDomain([{ value: 1500 }, { value: 1501 }]);
    expect(high - low).toBeCloseTo(44);
  });
});

describe("LineBand", () => {
  const x = linear([0, 10 * DAY_MS], [0, 100]);
  const y = linear([0, 100], [100, 0]);
  const at = (day: number, value: number, width = 10) => ({
    at: day * DAY_MS,
    value,
    low: value - width,
    high: value + width,
  });

  test("a missing day holds the last value as a step, without a band", () => {
    const known = runs([at(0, 20), at(1, 30), at(4, 50), at(5, 60)]);
    expect(known.map((run) => run.length)).toEqual([2, 2]);
    expect(holdPath(known, x, y)).toBe("M10,70H40V50");
    expect(bandPath(known[0] ?? [], x, y)).toBe("M0,70L10,60L10,80L0,90Z");
  });

  test("days without a known interval have no band", () => {
    expect(bandPath([at(0, 20), { at: DAY_MS, value: 30 }, at(2, 40)], x, y)).toBe("");
  });

  test("a day that is read has the value of the day or the last one before, and the events", () => {
    const known = [at(0, 20), at(4, 50)];
    expect(valueAt(known, 3 * DAY_MS)?.value).toBe(20);
    expect(valueAt(known, -1)).toBeUndefined();
    expect(markup(every.LineBand)).toContain("Nov 2, 2026</th><td>Version 2</td><td>Event</td>");
  });

  test("without data it says so", () => {
    expect(markup(<LineBand title="t" description="d" series={[]} />)).toContain("Nothing to draw yet.");
  });

  test("values can be read with a slider, by keyboard", () => {
    expect(markup(every.LineBand)).toMatch(
      /<input type="range" min="0" max="3"[^>]* aria-valuetext="Nov 1, 2026 · Kokoro: 1,500 \(1,480 to 1,520\)"/,
    );
  });
});

describe("Heat", () => {
  const table = (n: number, value: number | null = 0.9) =>
    markup(
      <Heat
        title="t"
        description="d"
        rows={["A"]}
        columns={["A", "B"]}
        domain={[0, 1]}
        write={(each) => each.toFixed(2)}
        cell={(row, column) => (row === column ? null : { value, n, sure: true, about: "A against B" })}
      />,
    );

  test("each cell prints its value and its n, and is marked where it is sure", () => {
    expect(table(12)).toContain(
      '<td class="heat-8" title="A against B"><span class="heat-value">0.90<span aria-hidden="true">★</span>',
    );
    expect(table(12)).toContain("<small>n=12</small>");
    expect(table(12)).toContain('<td class="heat-none"></td>');
  });

  test("a cell is blank under 10, and says how few there are", () => {
    expect(table(9)).not.toContain("0.90");
    expect(table(9)).toContain("too few: 9");
    expect(table(0, null)).toContain("no data");
  });

  test("steps are equally wide, and the ends belong to them", () => {
    expect([-1, -0.99, 0, 0.99, 1, 5].map((value) => heatStep(value, [-1, 1]))).toEqual([0, 0, 4, 8, 8, 8]);
  });

  test.each(["light", "dark"])("every step can be read on its colour in the %s theme", (theme) => {
    const colour = (name: string) => {
      const found = new RegExp(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\);`).exec(tokens + heat);
      return found?.[theme === "light" ? 1 : 2] ?? "";
    };
    for (let step = 0; step < HEAT_STEPS; step += 1) {
      expect([step, contrast(colour(`heat-${step}`), colour(`heat-ink-${step}`)) >= 4.5]).toEqual([step, true]);
    }
    for (const name of ["text", "muted"]) {
      expect([name, contrast(colour(name), colour("background")) >= 4.5]).toEqual([name, true]);
    }
    for (let series = 1; series <= 6; series += 1) {
      expect([series, contrast(colour(`series-${series}`), colour("background")) >= 3]).toEqual([series, true]);
    }
  });
});

// The contrast of two colours as WCAG 2.2 defines it.
function contrast(one: string, other: string): number {
  const light = [one, other].map((hex) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  });
  return (Math.max(...light) + 0.05) / (Math.min(...light) + 0.05);
}

describe("ParallelAxes", () => {
  test("a line is broken where a value was not measured", () => {
    const axes = [0, 10, 20, 30].map((x) => ({ at: (value: number) => [x, value] as const }));
    expect(linePath([1, 0, null, 0.5], axes)).toBe("M0,1L10,0M30,0.5");
  });

  test("the better end of every axis is up, whether more or less is better", () => {
    // Quality 0.8 of 0.2 to 0.8, and 3% word errors of 1% to 3%.
    expect(markup(every.ParallelAxes)).toContain('<path class="line" d="M160,44L480,256"></path>');
  });

  test("a place counts those ahead, and equal values share it", () => {
    expect(placeAmong(3, [1, 2, 3, null], "low")).toBe("3 of 4");
    expect(placeAmong(3, [1, 2, 3, null], "high")).toBe("1 of 4");
    expect(placeAmong(null, [1], "high")).toBe("not measured");
  });
});

describe("Scatter", () => {
  const x = { name: "Price", better: "low", write: String } as const;
  const y = { name: "Rating", better: "high", write: String } as const;

  test("the frontier has what nobody beats on both, and of equals all that are not worse in the other", () => {
    const spots = [
      { name: "cheap", x: 0, y: 1400 },
      { name: "cheap and worse", x: 0, y: 1300 },
      { name: "beaten", x: 0.3, y: 1450 },
      { name: "middle", x: 0.1, y: 1500 },
      { name: "best", x: 0.2, y: 1600 },
    ];
    expect(frontier(spots, x, y).map((index) => spots[index]?.name)).toEqual(["cheap", "middle", "best"]);
  });

  test("it can be read spot by spot, in the order of the price", () => {
    expect(markup(every.Scatter)).toContain('aria-valuetext="Cheap · Price $0 · Rating 1400 · on the frontier"');
  });

  test("without spots it says so", () => {
    expect(markup(<Scatter title="t" description="d" spots={[]} x={x} y={y} />)).toContain("Nothing to draw yet.");
  });
});

test("a name of 200 characters, from right to left and with emoji, is cut between characters and escaped", () => {
  const name = `<script>alert(1)</script>${"مرحبا👩‍👩‍👧".repeat(25)}`;
  const html = markup(<DotInterval title="t" description="d" rows={[{ name, value: 1500 }]} />);
  expect(html).not.toContain("<script>");
  expect(html).toContain("…</text>");
  expect(html).not.toMatch(/‍…/u);
});

test("the nearest mark is found by both coordinates, or by x alone", () => {
  const marks = [
    { x: 0, y: 0, label: "" },
    { x: 10, y: 100, label: "" },
  ];
  expect(nearest(marks, 9, 5)).toBe(0);
  expect(
    nearest(
      marks.map(({ x, label }) => ({ x, label })),
      9,
      5,
    ),
  ).toBe(1);
  expect(nearest([], 0, 0)).toBeNull();
});
