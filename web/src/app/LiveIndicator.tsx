import { Box } from "@twilio-paste/core/box";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";

import type { LiveStatus } from "@/shared/live/connection";
import { useLiveStatus } from "@/shared/live/LiveStatusContext";
import { useMediaQuery } from "@/shared/ui/useMediaQuery";
import { text } from "@/texts";

const DOTS = {
  connecting: "colorBackgroundStronger",
  connected: "colorBackgroundSuccess",
  reconnecting: "colorBackgroundWarning",
  offline: "colorBackgroundError",
} as const satisfies Record<LiveStatus, string>;

/** Whether what is shown follows the platform; where room is short, words show only when it does not. */
export function LiveIndicator() {
  const status = useLiveStatus();
  const hasRoom = useMediaQuery("(min-width: 40rem)");
  const words = <Box as="span">{text.live[status]}</Box>;
  return (
    <Box
      role="status"
      title={text.live.explained[status]}
      display="flex"
      alignItems="center"
      columnGap="space30"
      color="colorTextWeak"
      fontSize="fontSize30"
      lineHeight="lineHeight30"
      whiteSpace="nowrap"
    >
      <Box
        aria-hidden="true"
        size="0.5rem"
        flexShrink={0}
        borderRadius="borderRadiusCircle"
        backgroundColor={DOTS[status]}
      />
      <ScreenReaderOnly>{text.live.label}: </ScreenReaderOnly>
      {hasRoom || status !== "connected" ? words : <ScreenReaderOnly>{text.live[status]}</ScreenReaderOnly>}
    </Box>
  );
}
