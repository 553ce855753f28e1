import * as v from "valibot";

import { type Role, roleCovers, ROLES } from "@/shared/operator/role";

export const sessionSchema = v.object({
  name: v.string(),
  role: v.picklist(ROLES),
});

/** Who is signed in. */
export type Session = v.InferOutput<typeof sessionSchema>;

export const sessionKey = ["session"] as const;

/** Whether the operator may do what needs `role`. */
export function mayAct(session: Session, role: Role): boolean {
  return roleCovers(session.role, role);
}
