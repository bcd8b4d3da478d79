// The colours of a spectrogram, the same in both themes: each step is brighter than the one before, so that it also
// reads without colour.

type Colour = readonly [red: number, green: number, blue: number];

const STOPS: readonly Colour[] = [
  [8, 10, 16],
  [38, 33, 94],
  [122, 40, 124],
  [217, 81, 83],
  [247, 168, 88],
  [252, 246, 200],
];

const COLOURS = Array.from({ length: 256 }, (_, strength) => mixed((strength / 255) * (STOPS.length - 1)));

/** Returns the colour of a strength, 0 to 255. */
export function colourOf(strength: number): Colour {
  return COLOURS[strength] as Colour;
}

function mixed(at: number): Colour {
  const below = STOPS[Math.floor(at)] as Colour;
  const above = STOPS[Math.ceil(at)] as Colour;
  const share = at - Math.floor(at);
  const [red = 0, green = 0, blue = 0] = below.map((value, i) => value + share * ((above[i] ?? 0) - value));
  return [red, green, blue];
}
