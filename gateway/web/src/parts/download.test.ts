import { expect, test } from "vitest";
import { csv } from "./download.ts";

test("CSV has a header, empty cells for what was not measured, and quotes where they are needed", () => {
  expect(
    csv(
      ["name", "rating", "provisional"],
      [
        ['Ada "the" voice, 2', 1500.25, false],
        ["Bo", undefined, true],
      ],
    ),
  ).toBe('name,rating,provisional\r\n"Ada ""the"" voice, 2",1500.25,false\r\nBo,,true\r\n');
});

test.each(["=1+1", "+1", "-1", "@SUM(A1)"])(
  "a name such as %s is no formula in a spreadsheet, and numbers stay numbers",
  (name) => {
    expect(csv(["name", "change"], [[name, -5]])).toBe(`name,change\r\n'${name},-5\r\n`);
  },
);
