import type { QueryClient } from "@tanstack/react-query";
import { type LoaderFunctionArgs, redirect } from "react-router";

import { sessionOptions, signInPath } from "@/features/session";
import { hasStatus } from "@/shared/api/apiError";

/** Lets signed-in operators pass; others go to the sign-in and come back. */
export const requireSession =
  (client: QueryClient) =>
  async ({ request }: LoaderFunctionArgs): Promise<null> => {
    try {
      await client.ensureQueryData(sessionOptions);
      return null;
    } catch (error) {
      if (!hasStatus(error, 401)) throw error;
      const { pathname, search, hash } = new URL(request.url);
      throw redirect(signInPath(pathname + search + hash));
    }
  };
