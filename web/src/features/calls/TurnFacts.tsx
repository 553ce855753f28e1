import { Box } from "@twilio-paste/core/box";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";

import { formatMilliseconds } from "@/shared/format/numbers";
import { fill, text } from "@/texts";

import type { Turn } from "./api/call";
import { timings, Waterfall } from "./Waterfall";

interface TurnFactsProps {
  readonly turn: Turn;
  /** The call's longest turn, which the bars are drawn against. */
  readonly scaleMs: number;
}

/** What a turn cost: tools used, and milliseconds since the caller stopped speaking, in the order they passed. */
export function TurnFacts({ turn, scaleMs }: TurnFactsProps) {
  const steps = timings(turn);
  if (steps.length === 0 && turn.tools.length === 0) return null;
  return (
    <Box display="flex" flexDirection="column" rowGap="space20">
      {steps.length > 0 ? <Waterfall steps={steps} scaleMs={scaleMs} /> : null}
      <Box
        as="ul"
        aria-label={text.calls.latency.label}
        margin="space0"
        padding="space0"
        listStyleType="none"
        display="flex"
        flexWrap="wrap"
        justifyContent="flex-end"
        columnGap="space50"
        rowGap="space10"
        color="colorTextWeak"
        fontSize="fontSize20"
        lineHeight="lineHeight20"
      >
        {turn.tools.map((tool) => (
          <li key={tool.tool_call_id}>{toolSentence(tool)}</li>
        ))}
        {steps.map(({ step, ms }) => (
          <Box as="li" key={step} color={step === "first_speech_ms" ? "colorText" : "colorTextWeak"}>
            {text.calls.latency[step]}
            <ScreenReaderOnly>:</ScreenReaderOnly> {formatMilliseconds(ms)}
          </Box>
        ))}
      </Box>
    </Box>
  );
}

function toolSentence({ name, outcome, duration_ms }: Turn["tools"][number]): string {
  const outcomes: Readonly<Record<string, string>> = {
    ok: text.calls.toolOk,
    error: text.calls.toolError,
    unknown: text.calls.toolUnknown,
  };
  const sentence = fill(text.calls.toolUsed, { name, outcome: outcomes[outcome] ?? outcome });
  return duration_ms > 0 ? `${sentence}, ${formatMilliseconds(duration_ms)}` : sentence;
}
