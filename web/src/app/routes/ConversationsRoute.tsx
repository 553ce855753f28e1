import { Button } from "@twilio-paste/core/button";
import { PlusIcon } from "@twilio-paste/icons/esm/PlusIcon";
import { useState } from "react";
import { useNavigate } from "react-router";

import { ConversationList } from "@/features/conversations/ConversationList";
import { CreateConversation } from "@/features/conversations/CreateConversation";
import { ServiceChoice } from "@/features/services/ServiceChoice";
import { mayAct, useSession } from "@/features/session";
import { PageHeader } from "@/shared/ui/PageHeader";
import { useFilters } from "@/shared/url/useFilters";
import { text } from "@/texts";

/** The list of conversations, and the form for a new one. */
export function ConversationsRoute() {
  const mayCreate = mayAct(useSession(), "agent");
  const navigate = useNavigate();
  const { values, set } = useFilters(["serviceSid"]);
  const [creating, setCreating] = useState(false);
  const create = mayCreate ? (
    <Button variant="primary" onClick={() => setCreating(true)}>
      <PlusIcon decorative />
      {text.conversations.create}
    </Button>
  ) : null;
  return (
    <>
      <PageHeader title={text.conversations.title} lead={text.conversations.lead} actions={create} />
      <ConversationList
        create={create}
        serviceChoice={<ServiceChoice value={values.serviceSid} onChange={(serviceSid) => set({ serviceSid })} />}
      />
      {creating ? (
        <CreateConversation
          onClose={() => setCreating(false)}
          onCreated={({ sid }) => void navigate(`/conversations/${encodeURIComponent(sid)}`)}
        />
      ) : null}
    </>
  );
}
