export { sessionCheckOptions, sessionOptions } from "./api/getSession";
export { mayAct, type Session } from "./api/session";
export { useSignOut } from "./api/signOut";
export { signInPath } from "./returnPath";
export { markSessionEnded, useSessionEnded } from "./sessionEnd";
export { SIGNED_IN, useSession } from "./useSession";
