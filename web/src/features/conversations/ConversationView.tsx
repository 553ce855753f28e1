import { Anchor } from "@twilio-paste/core/anchor";
import { Box } from "@twilio-paste/core/box";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";
import type { ReactNode } from "react";

import { hasStatus } from "@/shared/api/apiError";
import { Facts } from "@/shared/ui/Facts";
import { useLinkProps } from "@/shared/ui/links";
import { Moment } from "@/shared/ui/Moment";
import { ErrorNotice } from "@/shared/ui/notices";
import { NotFoundNotice } from "@/shared/ui/NotFoundNotice";
import { PageHeader } from "@/shared/ui/PageHeader";
import { Section } from "@/shared/ui/Section";
import { Sid } from "@/shared/ui/Sid";
import { fill, text } from "@/texts";

import type { Conversation } from "./api/conversation";
import { useConversation } from "./api/getConversation";
import { conversationName } from "./conversationName";
import { Messages } from "./Messages";
import { StateBadge } from "./StateBadge";

interface ConversationViewProps {
  readonly sid: string;
  /** Who writes; null for who may only read. */
  readonly author: string | null;
}

/** One conversation with its messages. */
export function ConversationView({ sid, author }: ConversationViewProps) {
  const conversation = useConversation(sid);
  if (conversation.data) return <Known conversation={conversation.data} author={author} />;
  // 400: the address holds something that cannot be a SID or unique name.
  if (hasStatus(conversation.error, 404) || hasStatus(conversation.error, 400)) {
    return (
      <NotFoundNotice
        title={text.conversations.notFound}
        detail={fill(text.conversations.notFoundDetail, { sid })}
        back={{ to: "/conversations", label: text.conversations.backToList }}
      />
    );
  }
  return (
    <>
      <Breadcrumb />
      <PageHeader title={text.conversations.one} />
      {conversation.isError ? (
        <ErrorNotice
          what={text.conversations.one}
          error={conversation.error}
          onRetry={() => void conversation.refetch()}
          retrying={conversation.isFetching}
        />
      ) : (
        <Box aria-busy="true" display="flex" flexDirection="column" rowGap="space50">
          <SkeletonLoader height="sizeSquare110" />
          <SkeletonLoader height="size20" />
        </Box>
      )}
    </>
  );
}

function Known({ conversation, author }: { readonly conversation: Conversation; readonly author: string | null }) {
  const { state, dateCreated, dateUpdated, uniqueName, sid } = conversation;
  return (
    <>
      <Breadcrumb />
      <PageHeader title={conversationName(conversation)} mark={<StateBadge state={state} />} />
      <Box display="flex" flexDirection="column" rowGap="space80">
        <Section title={text.conversations.messages}>
          <Messages sid={sid} author={author} readOnly={readOnlyReason(state, author)} />
        </Section>
        <Section title={text.conversations.details}>
          <Facts
            facts={[
              { label: text.conversations.created, value: <Moment at={dateCreated} /> },
              { label: text.conversations.updated, value: <Moment at={dateUpdated} /> },
              { label: text.conversations.uniqueName, value: uniqueName || text.noValueMark },
              { label: text.conversations.sid, value: <Sid>{sid}</Sid>, wide: true },
            ]}
          />
        </Section>
      </Box>
    </>
  );
}

/** Why nobody can write here, or this operator cannot; null when they can. */
function readOnlyReason(state: string, author: string | null): string | null {
  if (state === "closed") return text.conversations.composer.closed;
  return author === null ? text.conversations.composer.viewer : null;
}

function Breadcrumb(): ReactNode {
  return (
    <Box
      as="nav"
      aria-label={text.conversations.breadcrumb}
      marginBottom="space30"
      fontSize="fontSize30"
      lineHeight="lineHeight30"
    >
      <Anchor {...useLinkProps({ to: "/conversations" })}>{text.conversations.backToList}</Anchor>
    </Box>
  );
}
