import type { QueryClient } from "@tanstack/react-query";
import type { createBrowserRouter, RouteObject } from "react-router";

import { markSessionEnded } from "@/features/session";

import { createQueryClient } from "./queryClient";
import { routes } from "./router";

type Router = ReturnType<typeof createBrowserRouter>;

/** The cache and the pages, joined: a session that ends while working is said over the page, which keeps what was typed. */
export function createConsole(createRouter: (table: RouteObject[]) => Router): { client: QueryClient; router: Router } {
  const client = createQueryClient(() => {
    if (router.state.location.pathname !== "/sign-in") markSessionEnded(client);
  });
  const router = createRouter(routes(client));
  return { client, router };
}
