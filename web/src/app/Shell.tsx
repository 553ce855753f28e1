import { Box } from "@twilio-paste/core/box";
import { lazy, Suspense, useState } from "react";
import { Outlet, ScrollRestoration, useLocation, useNavigate } from "react-router";

import { useSession, useSessionEnded } from "@/features/session";
import { OperatorContext } from "@/shared/operator/OperatorContext";
import { Toasts } from "@/shared/ui/toasts";
import { useMediaQuery } from "@/shared/ui/useMediaQuery";
import { text } from "@/texts";

import { Keyboard } from "./Keyboard";
import { LiveBridge } from "./LiveBridge";
import { Navigation } from "./Navigation";
import { SkipLink } from "./SkipLink";
import { TopBar } from "./TopBar";

const SignInAgain = lazy(async () => ({ default: (await import("@/features/session/SignInAgain")).SignInAgain }));
const CONTENT_ID = "content";
const NAVIGATION_ID = "navigation";

/** The frame of every page behind the sign-in: top bar, navigation, content, and the live connection. */
export function Shell() {
  const wide = useMediaQuery("(min-width: 64rem)");
  const { pathname } = useLocation();
  const session = useSession();
  // Opened on a page, and closed by leaving it.
  const [openOn, setOpenOn] = useState<string | null>(null);
  const open = !wide && openOn === pathname;
  return (
    <OperatorContext.Provider value={session}>
      <Toasts>
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
                <Box maxWidth="84rem" marginX="auto">
                  <Outlet />
                </Box>
              </Box>
            </Box>
          </Box>
          <ScrollRestoration />
          <Keyboard />
          <SessionWatch />
        </LiveBridge>
      </Toasts>
    </OperatorContext.Provider>
  );
}

/** Asks to sign in again when the session has run out. */
function SessionWatch() {
  const ended = useSessionEnded();
  const session = useSession();
  const navigate = useNavigate();
  if (!ended) return null;
  return (
    <Suspense fallback={null}>
      <SignInAgain
        before={session}
        onOther={() => window.location.reload()}
        onLeave={() => void navigate("/sign-in", { replace: true })}
      />
    </Suspense>
  );
}
