import { useParams } from "react-router";

import { ConversationView, parseTab } from "@/features/conversations/ConversationView";
import { mayAct, useSession } from "@/features/session";

/** One conversation; another one in the address starts afresh, drafts included. */
export function ConversationRoute() {
  const { sid = "", tab } = useParams();
  const session = useSession();
  return (
    <ConversationView key={sid} sid={sid} tab={parseTab(tab)} author={mayAct(session, "agent") ? session.name : null} />
  );
}
