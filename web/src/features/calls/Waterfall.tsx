import { Box } from "@twilio-paste/core/box";

import type { Turn } from "./api/call";

export const STEPS = ["model_request_ms", "first_byte_ms", "first_text_ms", "first_speech_ms", "complete_ms"] as const;
export type Step = (typeof STEPS)[number];

// From light to strong along the turn's way; the list beside says the same in words.
const COLORS: Readonly<Record<Step, string>> = {
  model_request_ms: "colorBackgroundStrong",
  first_byte_ms: "colorBackgroundPrimaryWeaker",
  first_text_ms: "colorBackgroundPrimary",
  first_speech_ms: "colorBackgroundPrimaryStrong",
  complete_ms: "colorBackgroundNew",
};

export interface Timing {
  readonly step: Step;
  readonly ms: number;
}

/** The steps that were measured, in the order they passed. */
export function timings(turn: Pick<Turn, "latency">): readonly Timing[] {
  return STEPS.flatMap((step) => {
    const ms = turn.latency[step];
    return ms === undefined || ms === null ? [] : [{ step, ms }];
  }).toSorted((a, b) => a.ms - b.ms);
}

/** The longest turn of a call: all bars are drawn on its scale, so that they can be compared. */
export const longestMs = (turns: readonly Pick<Turn, "latency">[]): number =>
  Math.max(1, ...turns.map((turn) => timings(turn).at(-1)?.ms ?? 0));

/** Where a turn's time went, as one bar on the scale of the whole call. */
export function Waterfall({ steps, scaleMs }: { readonly steps: readonly Timing[]; readonly scaleMs: number }) {
  return (
    <Box
      aria-hidden="true"
      display="flex"
      width="min(24rem, 100%)"
      height="0.375rem"
      marginLeft="auto"
      borderRadius="borderRadiusPill"
      overflow="hidden"
      backgroundColor="colorBackground"
    >
      {steps.map(({ step, ms }, position) => {
        const from = position === 0 ? 0 : (steps[position - 1]?.ms ?? 0);
        return (
          <Box
            key={step}
            width={`${String(((ms - from) / scaleMs) * 100)}%`}
            backgroundColor={COLORS[step] as never}
            borderRightStyle="solid"
            borderRightWidth="borderWidth10"
            borderRightColor="colorBorderInverse"
          />
        );
      })}
    </Box>
  );
}
