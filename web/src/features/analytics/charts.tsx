import type { ReactNode } from "react";
import {
  Area,
  Bar,
  CartesianGrid,
  ComposedChart,
  ErrorBar,
  Legend,
  Line,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from "recharts";

import { useOffsetWidth } from "./useOffsetWidth";
import type { Palette } from "./palette";

const HEIGHT = 260;
const MARGIN = { top: 8, right: 12, bottom: 0, left: 0 };

export interface Point {
  readonly label: string;
}

export interface Series<P extends Point> {
  readonly kind: "line" | "bar" | "band";
  readonly name: string;
  readonly color: string;
  readonly value: (point: P) => number | null | readonly [number, number];
  /** A line's interval at points that no band can show, since they have no neighbour. */
  readonly whisker?: (point: P) => readonly [number, number] | null;
  /** Bars with the same stack stand on each other. */
  readonly stack?: string;
  /** Tells lines apart without colour. */
  readonly dashed?: boolean;
}

interface TimeChartProps<P extends Point> {
  readonly label: string;
  readonly points: readonly P[];
  readonly series: readonly Series<P>[];
  readonly domain: readonly [number | "auto", number | "auto"];
  readonly palette: Palette;
  readonly format: (value: number) => string;
  readonly tip: (point: P) => ReactNode;
  readonly onPick?: (position: number) => void;
}

/** A chart over time. Arrow keys move along its points; the table beside it says the same. */
export function TimeChart<P extends Point>(props: TimeChartProps<P>) {
  const { label, points, series, domain, palette, format, tip, onPick } = props;
  const { ref, width } = useOffsetWidth();
  const pick = (state: { readonly activeTooltipIndex?: number | string | null | undefined }): void => {
    const position = Number(state.activeTooltipIndex ?? Number.NaN);
    if (onPick && Number.isInteger(position)) onPick(position);
  };
  return (
    <div ref={ref} role="group" aria-label={label}>
      <ResponsiveContainer width="100%" height={HEIGHT} initialDimension={{ width: 600, height: HEIGHT }}>
        <ComposedChart data={[...points]} margin={MARGIN} onClick={pick} title={label}>
          <CartesianGrid stroke={palette.grid} vertical={false} />
          <XAxis
            dataKey="label"
            stroke={palette.grid}
            tick={{ fill: palette.text, fontSize: 12 }}
            tickLine={false}
            interval="equidistantPreserveStart"
            minTickGap={width < 480 ? 40 : 24}
          />
          <YAxis
            domain={[...domain]}
            allowDataOverflow
            width={56}
            stroke={palette.grid}
            tick={{ fill: palette.text, fontSize: 12 }}
            tickLine={false}
            axisLine={false}
            tickFormatter={format}
          />
          <Tooltip
            cursor={{ stroke: palette.text, strokeDasharray: "3 3", fill: "transparent" }}
            isAnimationActive={false}
            content={({ active, payload }) => {
              const point = payload[0]?.payload as P | undefined;
              return active && point ? tip(point) : null;
            }}
          />
          {series.length > 1 ? <Legend wrapperStyle={{ fontSize: 12 }} iconType="plainline" /> : null}
          {series.map((it) => drawn(it))}
        </ComposedChart>
      </ResponsiveContainer>
    </div>
  );
}

function drawn<P extends Point>({ kind, name, color, value, whisker, stack, dashed = false }: Series<P>) {
  const common = { key: name, name, dataKey: value as (point: P) => number, isAnimationActive: false };
  switch (kind) {
    case "band":
      return (
        <Area
          {...common}
          key={name}
          stroke="none"
          fill={color}
          fillOpacity={0.16}
          connectNulls={false}
          activeDot={false}
          legendType="rect"
        />
      );
    case "bar":
      return (
        <Bar
          {...common}
          key={name}
          fill={color}
          {...(stack ? { stackId: stack } : {})}
          maxBarSize={36}
          legendType="rect"
        />
      );
    case "line":
      return (
        <Line
          {...common}
          key={name}
          type="monotone"
          stroke={color}
          strokeWidth={2}
          {...(dashed ? { strokeDasharray: "6 4" } : {})}
          dot={{ r: 3, fill: color, strokeWidth: 0 }}
          activeDot={{ r: 5 }}
          connectNulls={false}
        >
          {whisker ? (
            <ErrorBar
              dataKey={whisker as unknown as (point: P) => number[]}
              stroke={color}
              strokeWidth={1.5}
              width={8}
            />
          ) : null}
        </Line>
      );
  }
}
