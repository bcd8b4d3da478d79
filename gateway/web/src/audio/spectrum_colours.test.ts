import { expect, it } from "vitest";
import { colourOf } from "./spectrum_colours.ts";

it("what is stronger is brighter", () => {
  const luma = Array.from({ length: 256 }, (_, strength) => {
    const [red, green, blue] = colourOf(strength);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  });
  expect(luma).toEqual([...luma].sort((one, other) => one - other));
  expect([colourOf(0), colourOf(255)]).toEqual([
    [8, 10, 16],
    [252, 246, 200],
  ]);
});
