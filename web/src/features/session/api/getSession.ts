import { queryOptions } from "@tanstack/react-query";

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

/** Asks whether the session still holds; its end leads to the sign-in as for any other request. */
export const sessionCheckOptions = queryOptions({
  queryKey: ["session-check"],
  queryFn: ({ signal }) => fetchSession(signal),
  staleTime: 0,
});
