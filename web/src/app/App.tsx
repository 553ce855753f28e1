import { QueryClientProvider } from "@tanstack/react-query";
import { Theme } from "@twilio-paste/core/theme";
import { useState } from "react";
import { RouterProvider } from "react-router/dom";

import { signInPath } from "@/features/session";
import { useMode } from "@/theme/mode";

import { createQueryClient } from "./queryClient";
import { createConsoleRouter } from "./router";

// Room for two columns, and for the navigation beside the content.
const BREAKPOINTS = ["40rem", "64rem", "80rem"];

/** The console: theme, cache and pages. */
export function App() {
  const mode = useMode();
  const [{ client, router }] = useState(createConsole);
  return (
    <Theme.Provider theme={mode === "dark" ? "twilio-dark" : "twilio"} customBreakpoints={BREAKPOINTS}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </Theme.Provider>
  );
}

function createConsole() {
  const client = createQueryClient(() => {
    const { pathname, search, hash } = router.state.location;
    if (pathname === "/sign-in") return;
    void router.navigate(signInPath(pathname + search + hash), { replace: true });
  });
  const router = createConsoleRouter(client);
  return { client, router };
}
