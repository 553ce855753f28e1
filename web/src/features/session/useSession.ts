import { useRouteLoaderData } from "react-router";

import type { Session } from "./api/session";

/** The route whose loader answers with the session; everything under it is for signed-in operators. */
export const SIGNED_IN = "signed-in";

/** Who is signed in. Raises outside of the routes behind the sign-in. */
export function useSession(): Session {
  const session = useRouteLoaderData<Session>(SIGNED_IN);
  if (!session) throw new Error("useSession is for pages behind the sign-in");
  return session;
}
