import * as v from "valibot";

export const ROLES = ["viewer", "agent", "supervisor", "admin"] as const;
export type Role = (typeof ROLES)[number];

export const sessionSchema = v.object({
  name: v.string(),
  role: v.picklist(ROLES),
});

/** Who is signed in. */
export type Session = v.InferOutput<typeof sessionSchema>;

export const sessionKey = ["session"] as const;

/** Whether the operator may do what needs `role`. */
export function mayAct(session: Session, role: Role): boolean {
  return ROLES.indexOf(session.role) >= ROLES.indexOf(role);
}
