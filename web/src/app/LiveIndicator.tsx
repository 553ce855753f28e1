import { Box } from "@twilio-paste/core/box";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";
import type { ReactNode } from "react";

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

/** Whether what is shown follows the platform. Where room is short, words come in a strip and only when it does not. */
export function LiveIndicator() {
  const status = useLiveStatus();
  const hasRoom = useMediaQuery("(min-width: 40rem)");
  const behind = status === "reconnecting" || status === "offline";
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
      {hasRoom ? <span>{text.live[status]}</span> : null}
      {!hasRoom && behind ? <Strip>{text.live[status]}</Strip> : null}
      {!hasRoom && !behind ? <ScreenReaderOnly>{text.live[status]}</ScreenReaderOnly> : null}
    </Box>
  );
}

/** Lies over the page's top edge, under the bar, so that the page does not move. */
function Strip({ children }: { readonly children: ReactNode }) {
  return (
    <Box
      position="absolute"
      top="100%"
      left="0"
      right="0"
      paddingY="space10"
      textAlign="center"
      backgroundColor="colorBackgroundWarningWeakest"
      borderBottomStyle="solid"
      borderBottomWidth="borderWidth10"
      borderBottomColor="colorBorderWarningWeaker"
      color="colorTextWarning"
      fontSize="fontSize20"
      lineHeight="lineHeight20"
    >
      {children}
    </Box>
  );
}
