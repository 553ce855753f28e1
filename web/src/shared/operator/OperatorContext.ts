import { createContext, useContext } from "react";

import { type Role, roleCovers } from "./role";

export interface Operator {
  readonly name: string;
  readonly role: Role;
}

/** Who works here. Outside of the shell nobody, who may only read. */
export const OperatorContext = createContext<Operator>({ name: "", role: "viewer" });

export const useOperator = (): Operator => useContext(OperatorContext);

/** Whether the operator may do what needs `role`; what they may not do is not offered. */
export const useMay = (role: Role): boolean => roleCovers(useOperator().role, role);
