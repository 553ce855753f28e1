import { QueryClientProvider } from "@tanstack/react-query";
import { Theme } from "@twilio-paste/core/theme";
import { useState } from "react";
import { createBrowserRouter } from "react-router";
import { RouterProvider } from "react-router/dom";

import { useMode } from "@/theme/mode";

import { createConsole } from "./console";

// Room for two columns, and for the navigation beside the content.
const BREAKPOINTS = ["40rem", "64rem", "80rem"];

/** The console: theme, cache and pages. */
export function App() {
  const mode = useMode();
  const [{ client, router }] = useState(() => createConsole(createBrowserRouter));
  return (
    <Theme.Provider theme={mode === "dark" ? "twilio-dark" : "twilio"} customBreakpoints={BREAKPOINTS}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </Theme.Provider>
  );
}
