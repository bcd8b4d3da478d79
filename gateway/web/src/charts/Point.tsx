// The shapes of series. Each series has a shape and a dash beside its colour, for people who see colours differently.

export const SERIES = 6;
const DASHES = ["", "6 3", "2 3", "8 3 2 3", "12 4", "4 2 1 2"];

/** Returns the class that gives a series its colour. */
export function seriesClass(index: number): string {
  return `series-${(index % SERIES) + 1}`;
}

/** Returns the stroke-dasharray of a series. */
export function seriesDash(index: number): string | undefined {
  return DASHES[index % SERIES] || undefined;
}

export interface PointProps {
  x: number;
  y: number;
  shape?: number;
  size?: number;
  /** A hollow point is provisional. */
  hollow?: boolean;
}

export function Point({ x, y, shape = 0, size = 4.5, hollow = false }: PointProps) {
  const name = hollow ? "point point-hollow" : "point";
  if (shape % SERIES === 0) {
    return <circle class={name} cx={round(x)} cy={round(y)} r={size} />;
  }
  const corners = SHAPES[shape % SERIES] ?? [];
  return (
    <polygon
      class={name}
      points={corners.map(([dx, dy]) => `${round(x + dx * size)},${round(y + dy * size)}`).join(" ")}
    />
  );
}

// Corners in sizes from the middle: square, triangle, diamond, triangle that points down, cross. Their areas are alike.
const SHAPES: readonly (readonly (readonly [number, number])[])[] = [
  [],
  [
    [-0.9, -0.9],
    [0.9, -0.9],
    [0.9, 0.9],
    [-0.9, 0.9],
  ],
  [
    [0, -1.25],
    [1.2, 0.9],
    [-1.2, 0.9],
  ],
  [
    [0, -1.3],
    [1.3, 0],
    [0, 1.3],
    [-1.3, 0],
  ],
  [
    [0, 1.25],
    [1.2, -0.9],
    [-1.2, -0.9],
  ],
  [
    [-0.4, -1.2],
    [0.4, -1.2],
    [0.4, -0.4],
    [1.2, -0.4],
    [1.2, 0.4],
    [0.4, 0.4],
    [0.4, 1.2],
    [-0.4, 1.2],
    [-0.4, 0.4],
    [-1.2, 0.4],
    [-1.2, -0.4],
    [-0.4, -0.4],
  ],
];

/** A tenth of a pixel is as exact as a screen, and keeps the markup short. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export interface LegendEntry {
  name: string;
  /** Its place among the series. Null is what is drawn in grey. */
  series: number | null;
}

/** Says which colour, shape and dash a series has. */
export function Legend({ entries, lines = true }: { entries: readonly LegendEntry[]; lines?: boolean }) {
  return (
    <ul class="chart-legend">
      {entries.map(({ name, series }) => (
        <li key={name}>
          <svg class={series === null ? "series-rest" : seriesClass(series)} width="26" height="14" aria-hidden="true">
            {lines && <line class="line" x1="1" x2="25" y1="7" y2="7" stroke-dasharray={seriesDash(series ?? 0)} />}
            {series !== null && <Point x={13} y={7} shape={series} size={4} />}
          </svg>
          <bdi>{name}</bdi>
        </li>
      ))}
    </ul>
  );
}
