import { Box } from "@twilio-paste/core/box";
import { useState } from "react";
import { Outlet, ScrollRestoration, useLocation } from "react-router";

import { useMediaQuery } from "@/shared/ui/useMediaQuery";
import { text } from "@/texts";

import { LiveBridge } from "./LiveBridge";
import { Navigation } from "./Navigation";
import { SkipLink } from "./SkipLink";
import { TopBar } from "./TopBar";

const CONTENT_ID = "content";
const NAVIGATION_ID = "navigation";

/** The frame of every page behind the sign-in: top bar, navigation, content, and the live connection. */
export function Shell() {
  const wide = useMediaQuery("(min-width: 64rem)");
  const { pathname } = useLocation();
  // Opened on a page, and closed by leaving it.
  const [openOn, setOpenOn] = useState<string | null>(null);
  const open = !wide && openOn === pathname;
  return (
    <LiveBridge>
      <SkipLink target={CONTENT_ID}>{text.shell.skipToContent}</SkipLink>
      <Box display="flex" flexDirection="column" minHeight="100vh" backgroundColor="colorBackgroundBody">
        <TopBar
          menu={wide ? null : { open, controls: NAVIGATION_ID, onToggle: () => setOpenOn(open ? null : pathname) }}
        />
        <Box display="flex" flex="1" flexDirection={wide ? "row" : "column"} minWidth="0">
          {wide || open ? <Navigation id={NAVIGATION_ID} wide={wide} onEscape={() => setOpenOn(null)} /> : null}
          <Box
            as="main"
            id={CONTENT_ID}
            tabIndex={-1}
            flex="1"
            minWidth="0"
            outline="none"
            padding={["space60", "space70", "space80"]}
          >
            <Box maxWidth="size120" marginX="auto">
              <Outlet />
            </Box>
          </Box>
        </Box>
      </Box>
      <ScrollRestoration />
    </LiveBridge>
  );
}
