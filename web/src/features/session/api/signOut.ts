import { useMutation } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";

const signOut = (): Promise<unknown> => request("/api/session", v.unknown(), { method: "DELETE" });

/** Ends the session everywhere. */
export const useSignOut = () => useMutation({ mutationFn: signOut });
