import { Box } from "@twilio-paste/core/box";

import { Moment } from "@/shared/ui/Moment";
import { text } from "@/texts";

import type { CallEvent } from "./api/call";

// What every record has; the rest is what happened.
const COMMON = new Set(["v", "id", "at", "seq", "type", "call_sid", "session_id"]);

/** The records of a call besides its turns, in order: tools, language, hand-overs, operators' actions, errors. */
export function CallEvents({ events }: { readonly events: readonly CallEvent[] }) {
  return (
    <Box
      as="ol"
      aria-label={text.calls.eventsWhat}
      margin="space0"
      padding="space0"
      listStyleType="none"
      display="flex"
      flexDirection="column"
      rowGap="space30"
      fontSize="fontSize30"
      lineHeight="lineHeight30"
      color="colorText"
    >
      {events.map((event, position) => (
        <Box
          as="li"
          key={event.id || `${event.at} ${String(position)}`}
          display="grid"
          gridTemplateColumns={["1fr", "5rem 11rem 1fr"]}
          columnGap="space40"
        >
          <Box color="colorTextWeak">
            <Moment at={event.at} />
          </Box>
          <Box fontWeight="fontWeightMedium">{event.type.replaceAll("_", " ")}</Box>
          <Box color="colorTextWeak" minWidth="0" overflowWrap="anywhere">
            {sentence(event)}
          </Box>
        </Box>
      ))}
    </Box>
  );
}

function sentence(event: CallEvent): string {
  return Object.entries(event)
    .filter(([name, value]) => !COMMON.has(name) && value !== "" && value !== null)
    .map(
      ([name, value]) =>
        `${name.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`,
    )
    .join(" · ");
}
