import { Box } from "@twilio-paste/core/box";
import { DataBarChartIcon } from "@twilio-paste/icons/esm/DataBarChartIcon";
import { DialpadIcon } from "@twilio-paste/icons/esm/DialpadIcon";
import { ProductChatIcon } from "@twilio-paste/icons/esm/ProductChatIcon";
import { ProductConversationsIcon } from "@twilio-paste/icons/esm/ProductConversationsIcon";
import { ProductHomeIcon } from "@twilio-paste/icons/esm/ProductHomeIcon";
import { ProductSettingsIcon } from "@twilio-paste/icons/esm/ProductSettingsIcon";
import { ProductVoiceIcon } from "@twilio-paste/icons/esm/ProductVoiceIcon";
import { ProductVoiceIntelligenceIcon } from "@twilio-paste/icons/esm/ProductVoiceIntelligenceIcon";
import { useEffect, useRef } from "react";
import { useMatch } from "react-router";

import { useLinkProps } from "@/shared/ui/links";
import { text } from "@/texts";

const words = text.navigation;
/** The pages; `letter` after `g` leads there from anywhere. */
export const ENTRIES = [
  { to: "/", letter: "o", label: words.overview, Icon: ProductHomeIcon, end: true },
  { to: "/conversations", letter: "c", label: words.conversations, Icon: ProductConversationsIcon, end: false },
  { to: "/services", letter: "s", label: words.services, Icon: ProductChatIcon, end: false },
  { to: "/calls", letter: "l", label: words.calls, Icon: ProductVoiceIcon, end: false },
  { to: "/analytics", letter: "a", label: words.analytics, Icon: DataBarChartIcon, end: false },
  { to: "/intelligence", letter: "i", label: words.intelligence, Icon: ProductVoiceIntelligenceIcon, end: false },
  { to: "/phone", letter: "p", label: words.phone, Icon: DialpadIcon, end: false },
  { to: "/settings", letter: "t", label: words.settings, Icon: ProductSettingsIcon, end: false },
] as const;

interface NavigationProps {
  readonly id: string;
  /** Beside the content; otherwise above it, opened by the menu button. */
  readonly wide: boolean;
  readonly onEscape: () => void;
}

/** The console's pages. */
export function Navigation({ id, wide, onEscape }: NavigationProps) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!wide) box.current?.querySelector("a")?.focus();
  }, [wide]);
  return (
    <Box
      as="nav"
      id={id}
      ref={box}
      aria-label={text.shell.navigation}
      onKeyDown={(event) => {
        if (!wide && event.key === "Escape") onEscape();
      }}
      flexShrink={0}
      width={wide ? "13.5rem" : "100%"}
      padding="space50"
      borderStyle="solid"
      borderColor="colorBorderWeaker"
      borderWidth="borderWidth0"
      borderRightWidth={wide ? "borderWidth10" : "borderWidth0"}
      borderBottomWidth={wide ? "borderWidth0" : "borderWidth10"}
      backgroundColor="colorBackgroundBody"
    >
      <Box
        as="ul"
        margin="space0"
        padding="space0"
        listStyleType="none"
        display="flex"
        flexDirection="column"
        rowGap="space20"
        position={wide ? "sticky" : "static"}
        top="4.75rem"
      >
        {ENTRIES.map((entry) => (
          <li key={entry.to}>
            <Entry {...entry} />
          </li>
        ))}
      </Box>
    </Box>
  );
}

function Entry({ to, label, Icon, end }: (typeof ENTRIES)[number]) {
  const current = useMatch({ path: to, end }) !== null;
  return (
    <Box
      as="a"
      {...useLinkProps({ to })}
      aria-current={current ? "page" : undefined}
      display="flex"
      alignItems="center"
      columnGap="space40"
      paddingX="space40"
      paddingY="space30"
      borderRadius="borderRadius30"
      color={current ? "colorTextLink" : "colorText"}
      backgroundColor={current ? "colorBackgroundPrimaryWeakest" : "transparent"}
      fontSize="fontSize30"
      lineHeight="lineHeight40"
      fontWeight={current ? "fontWeightSemibold" : "fontWeightMedium"}
      textDecoration="none"
      outline="none"
      _hover={{ backgroundColor: current ? "colorBackgroundPrimaryWeakest" : "colorBackground" }}
      _focusVisible={{ boxShadow: "shadowFocus" }}
    >
      <Icon decorative size="sizeIcon20" />
      {label}
    </Box>
  );
}
