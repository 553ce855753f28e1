import { Box } from "@twilio-paste/core/box";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";

import { formatMilliseconds } from "@/shared/format/numbers";
import { fill, text } from "@/texts";

import type { Turn } from "./api/call";

const STEPS = ["model_request_ms", "first_byte_ms", "first_text_ms", "first_speech_ms", "complete_ms"] as const;

/** What a turn cost: tools used, and milliseconds since the caller stopped speaking, in the order they passed. */
export function TurnFacts({ turn }: { readonly turn: Turn }) {
  const steps = STEPS.flatMap((step) => {
    const ms = turn.latency[step];
    return ms === undefined || ms === null ? [] : [{ step, ms }];
  }).toSorted((a, b) => a.ms - b.ms);
  if (steps.length === 0 && turn.tools.length === 0) return null;
  return (
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
