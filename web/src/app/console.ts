import type { QueryClient } from "@tanstack/react-query";
import type { createBrowserRouter, RouteObject } from "react-router";

import { SESSION_ENDED, signInPath } from "@/features/session";

import { createQueryClient } from "./queryClient";
import { routes } from "./router";

type Router = ReturnType<typeof createBrowserRouter>;

/** The cache and the pages, joined: a session that ends while working leads to the sign-in and back. */
export function createConsole(createRouter: (table: RouteObject[]) => Router): { client: QueryClient; router: Router } {
  const client = createQueryClient(() => {
    const { pathname, search, hash } = router.state.location;
    if (pathname === "/sign-in") return;
    void router.navigate(signInPath(pathname + search + hash), { replace: true, state: SESSION_ENDED });
  });
  const router = createRouter(routes(client));
  return { client, router };
}
