import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";

import { request } from "@/shared/api/request";

import { type Session, sessionKey, sessionSchema } from "./session";

const fetchSession = (signal: AbortSignal): Promise<Session> => request("/api/session", sessionSchema, { signal });

/** Fails with 401 when nobody is signed in; the caller decides where that leads. */
export const sessionOptions = queryOptions({
  queryKey: sessionKey,
  queryFn: ({ signal }) => fetchSession(signal),
  staleTime: Infinity,
  meta: { handlesUnauthorized: true },
});

/** The session; only for pages behind the sign-in, where it is known. */
export const useSession = (): Session => useSuspenseQuery(sessionOptions).data;
