import type { QueryClient } from "@tanstack/react-query";
import type { RouteObject } from "react-router";

import { SIGNED_IN } from "@/features/session";

import { requireSession } from "./requireSession";
import { RootError, RouteError } from "./RouteError";
import { Shell } from "./Shell";
import { Starting } from "./Starting";

/** Every page is a chunk of its own and fails on its own. */
export function routes(client: QueryClient): RouteObject[] {
  return [
    {
      path: "/sign-in",
      ErrorBoundary: RootError,
      HydrateFallback: Starting,
      lazy: async () => ({ Component: (await import("./routes/SignInRoute")).SignInRoute }),
    },
    {
      id: SIGNED_IN,
      path: "/",
      loader: requireSession(client),
      // The session is read once; any request tells when it is over.
      shouldRevalidate: () => false,
      Component: Shell,
      ErrorBoundary: RootError,
      HydrateFallback: Starting,
      children: [
        {
          index: true,
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/OverviewRoute")).OverviewRoute }),
        },
        {
          path: "conversations",
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/ConversationsRoute")).ConversationsRoute }),
        },
        {
          path: "conversations/:sid/:tab?",
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/ConversationRoute")).ConversationRoute }),
        },
        {
          path: "calls",
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/CallsRoute")).CallsRoute }),
        },
        {
          path: "calls/:callSid",
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/CallRoute")).CallRoute }),
        },
        {
          path: "services/:tab?",
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/ServicesRoute")).ServicesRoute }),
        },
        {
          path: "settings",
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/SettingsRoute")).SettingsRoute }),
        },
        {
          path: "analytics",
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/AnalyticsRoute")).AnalyticsRoute }),
        },
        {
          path: "intelligence/:tab?",
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/IntelligenceRoute")).IntelligenceRoute }),
        },
        {
          path: "phone",
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/PhoneRoute")).PhoneRoute }),
        },
        {
          path: "*",
          ErrorBoundary: RouteError,
          lazy: async () => ({ Component: (await import("./routes/NotFoundRoute")).NotFoundRoute }),
        },
      ],
    },
  ];
}
