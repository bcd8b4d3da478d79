// Who does what when: a lane for each speaker with a bar for each stretch of speech, on one time axis.

import { position, seconds } from "../format/duration.ts";
import { charts as text } from "../strings/charts.ts";
import { AxisX } from "./Axis.tsx";
import { type Drawing, Figure } from "./Figure.tsx";
import { round, seriesClass } from "./Point.tsx";
import { linear, ticks } from "./scale.ts";
import { shortened, textWidth } from "./text.ts";

export interface Stretch {
  start: number;
  end: number;
  /** What is known of it, such as its words. */
  label?: string;
  /** Drawn with an outline and a mark: an interruption, or a long gap. */
  marked?: boolean;
}

export interface Lane {
  name: string;
  stretches: readonly Stretch[];
}

export interface LanesProps {
  title: string;
  description: string;
  lanes: readonly Lane[];
  /** The length of the recording in seconds. */
  duration: number;
  /** Where the recording is being played. */
  playhead?: number | undefined;
  tableOpen?: boolean;
}

const LANE_PX = 30;
const BAR_PX = 18;
const AXIS_PX = 24;

export function Lanes(props: LanesProps) {
  const { lanes, duration, playhead } = props;
  const order = lanes
    .flatMap((lane, index) => lane.stretches.map((stretch) => ({ lane, index, stretch })))
    .sort((one, other) => one.stretch.start - other.stretch.start);
  const bottom = Math.max(1, lanes.length) * LANE_PX;
  const draw = (width: number): Drawing => {
    const names = Math.min(Math.max(0, ...lanes.map((lane) => textWidth(lane.name))) + 12, width * 0.3);
    const x = linear([0, Math.max(duration, 0.001)], [names, width - 4]);
    return {
      marks: order.map(({ lane, index, stretch }) => ({
        x: x((stretch.start + stretch.end) / 2),
        y: index * LANE_PX + LANE_PX / 2,
        label: reading(lane, stretch),
      })),
      body: (active) => (
        <>
          <AxisX
            scale={x}
            values={ticks(x.domain, Math.max(2, Math.floor((width - names) / 80)))}
            write={position}
            across={[0, bottom]}
          />
          {lanes.map((lane, index) => (
            <g key={lane.name} class={`${seriesClass(index)} lane`}>
              <text x={0} y={index * LANE_PX + LANE_PX / 2} dy="0.35em">
                <title>{lane.name}</title>
                {shortened(lane.name, names - 12)}
              </text>
              {lane.stretches.map((stretch) => (
                <rect
                  key={stretch.start}
                  class={stretch.marked ? "stretch stretch-marked" : "stretch"}
                  x={round(x(stretch.start))}
                  y={index * LANE_PX + (LANE_PX - BAR_PX) / 2}
                  width={Math.max(1, round(x(stretch.end) - x(stretch.start)))}
                  height={BAR_PX}
                  rx={2}
                />
              ))}
            </g>
          ))}
          {active !== null && order[active] && <Outline found={order[active]} x={x} />}
          {playhead !== undefined && (
            <line class="playhead" x1={round(x(playhead))} x2={round(x(playhead))} y1={0} y2={bottom} />
          )}
        </>
      ),
    };
  };
  return (
    <Figure
      title={props.title}
      description={props.description}
      height={bottom + AXIS_PX}
      draw={draw}
      table={{
        columns: [text.speaker, text.from, text.to, text.value],
        rows: order.map(({ lane, stretch }) => [
          lane.name,
          seconds(stretch.start),
          seconds(stretch.end),
          stretch.label ?? "",
        ]),
      }}
      tableOpen={props.tableOpen ?? false}
    />
  );
}

function reading(lane: Lane, stretch: Stretch): string {
  const where = `${position(stretch.start)}, ${seconds(stretch.end - stretch.start)}`;
  return [lane.name, where, ...(stretch.label ? [stretch.label] : [])].join(" · ");
}

function Outline({
  found: { index, stretch },
  x,
}: {
  found: { index: number; stretch: Stretch };
  x: (value: number) => number;
}) {
  return (
    <rect
      class="ring"
      x={round(x(stretch.start)) - 2}
      y={index * LANE_PX + (LANE_PX - BAR_PX) / 2 - 2}
      width={Math.max(1, round(x(stretch.end) - x(stretch.start))) + 4}
      height={BAR_PX + 4}
    />
  );
}
