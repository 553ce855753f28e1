import type { QueryClient } from "@tanstack/react-query";
import { type LoaderFunctionArgs, redirect } from "react-router";

import { type Session, sessionOptions, signInPath } from "@/features/session";
import { hasStatus } from "@/shared/api/apiError";

/** The session of a signed-in operator; others go to the sign-in and come back. */
export const requireSession =
  (client: QueryClient) =>
  async ({ request }: LoaderFunctionArgs): Promise<Session> => {
    try {
      return await client.ensureQueryData(sessionOptions);
    } catch (error) {
      if (!hasStatus(error, 401)) throw error;
      const { pathname, search, hash } = new URL(request.url);
      throw redirect(signInPath(pathname + search + hash));
    }
  };
