// Text inside of charts. SVG does not wrap or cut text, so its width is estimated.

/**
 * About the mean width of a character in the system's fonts at the 12 px of charts. Wide scripts take about twice that.
 */
export const CHARACTER_PX = 6.6;
const WIDE = /[ᄀ-ᅟ⺀-꓏가-힣豈-﫿︰-﹏＀-￯]|\p{Extended_Pictographic}/u;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function widthOf(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 * CHARACTER_PX : CHARACTER_PX;
}

/** Returns about how many pixels a text takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += widthOf(segment);
  }
  return width;
}

/** Cuts a text to a width and marks the cut. It never cuts within a character that is made of several. */
export function shortened(text: string, pixels: number): string {
  if (textWidth(text) <= pixels) {
    return text;
  }
  let kept = "";
  let width = CHARACTER_PX;
  for (const { segment } of graphemes.segment(text)) {
    width += widthOf(segment);
    if (width > pixels) {
      break;
    }
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}
