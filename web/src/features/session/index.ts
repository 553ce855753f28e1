export { sessionOptions, useSession } from "./api/getSession";
export { mayAct, type Session, sessionKey } from "./api/session";
export { useSignOut } from "./api/signOut";
export { signInPath } from "./returnPath";
