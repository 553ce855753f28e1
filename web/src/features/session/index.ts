export { sessionCheckOptions, sessionOptions } from "./api/getSession";
export { mayAct, type Session } from "./api/session";
export { useSignOut } from "./api/signOut";
export { SESSION_ENDED, signInPath } from "./returnPath";
export { SIGNED_IN, useSession } from "./useSession";
