import { useMutation, useQueryClient } from "@tanstack/react-query";

import { request } from "@/shared/api/request";

import { type Session, sessionKey, sessionSchema } from "./session";

const signIn = (token: string): Promise<Session> =>
  request("/api/session", sessionSchema, { method: "POST", body: { token } });

/** Signs in; what another operator saw before is forgotten first. */
export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: signIn,
    onSuccess: (session) => {
      client.clear();
      client.setQueryData(sessionKey, session);
    },
  });
}

/** Signs in without forgetting what was read: for the operator whose session ran out. */
export const useSignInAgain = () => useMutation({ mutationFn: signIn, meta: { handlesUnauthorized: true } });
