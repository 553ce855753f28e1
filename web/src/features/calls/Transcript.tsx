import { Box } from "@twilio-paste/core/box";
import { memo } from "react";

import { useStickToEnd } from "@/shared/ui/useStickToEnd";
import { fill, text } from "@/texts";

import type { Call, Turn } from "./api/call";
import { TurnItem } from "./TurnItem";
import { longestMs } from "./Waterfall";

interface TranscriptProps {
  readonly call: Pick<Call, "caller" | "state">;
  readonly transcript: readonly Turn[];
  /** Whether new turns are read out; several transcripts on one page must not talk over each other. */
  readonly announced: boolean;
  /** Without latencies and tools, in a box that scrolls. */
  readonly compact?: boolean;
}

/** What was said, turn by turn, growing while the call runs. */
export function Transcript({ call, transcript, announced, compact = false }: TranscriptProps) {
  const end = useStickToEnd(undefined);
  const live = call.state === "live";
  const scaleMs = longestMs(transcript);
  return (
    <Box
      {...end}
      role="log"
      aria-label={fill(text.calls.transcriptOf, { caller: call.caller || text.calls.unknownCaller })}
      aria-live={announced && live ? "polite" : "off"}
      tabIndex={compact ? 0 : -1}
      overflowY={compact ? "auto" : "visible"}
      maxHeight={compact ? "size20" : "none"}
      borderRadius="borderRadius20"
      outline="none"
      _focusVisible={{ boxShadow: "shadowFocusInset" }}
    >
      {transcript.length === 0 ? (
        <Box
          color="colorTextWeak"
          fontSize="fontSize30"
          lineHeight="lineHeight30"
          padding={compact ? "space30" : "space0"}
        >
          {text.calls.transcriptEmpty}. {live ? text.calls.transcriptEmptyLive : text.calls.transcriptEmptyEnded}
        </Box>
      ) : (
        <Box
          as="ol"
          margin="space0"
          padding="space0"
          listStyleType="none"
          display="flex"
          flexDirection="column"
          rowGap={compact ? "space40" : "space60"}
        >
          {transcript.map((turn) => (
            <Item key={turn.turn} turn={turn} compact={compact} live={live} scaleMs={scaleMs} />
          ))}
        </Box>
      )}
    </Box>
  );
}

// A growing transcript draws the turn that changed, not all of them.
const Item = memo(TurnItem);
