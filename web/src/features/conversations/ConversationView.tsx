import { useQueryClient } from "@tanstack/react-query";
import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";
import { type ReactNode, useState } from "react";
import { useNavigate } from "react-router";

import { hasStatus } from "@/shared/api/apiError";
import { useMay } from "@/shared/operator/OperatorContext";
import { useRows } from "@/shared/resources/api";
import { DocumentForm } from "@/shared/resources/DocumentForm";
import { textAt } from "@/shared/resources/fields";
import { ResourceList } from "@/shared/resources/ResourceList";
import { ConfirmDialog } from "@/shared/ui/ConfirmDialog";
import { Facts } from "@/shared/ui/Facts";
import { TextLink } from "@/shared/ui/links";
import { Moment } from "@/shared/ui/Moment";
import { EmptyNotice, ErrorNotice } from "@/shared/ui/notices";
import { NotFoundNotice } from "@/shared/ui/NotFoundNotice";
import { PageHeader } from "@/shared/ui/PageHeader";
import { Section } from "@/shared/ui/Section";
import { Sid } from "@/shared/ui/Sid";
import { TabLinks } from "@/shared/ui/TabLinks";
import { useFilters } from "@/shared/url/useFilters";
import { fill, text } from "@/texts";

import { useDeleteConversation } from "./api/changeConversation";
import type { Conversation } from "./api/conversation";
import { useConversation } from "./api/getConversation";
import { conversationKeys } from "./api/keys";
import { conversationName } from "./conversationName";
import { CustomerPanel } from "./CustomerPanel";
import { Messages } from "./Messages";
import { participantsSpec, SETTINGS_FIELDS, webhooksSpec } from "./specs";
import { StateBadge } from "./StateBadge";

const words = text.conversations.parts;
const TABS = ["messages", "participants", "webhooks", "settings"] as const;
export type ConversationTab = (typeof TABS)[number];

interface ConversationViewProps {
  readonly sid: string;
  /** Who writes; null for who may only read. */
  readonly author: string | null;
  readonly tab?: ConversationTab;
}

export const parseTab = (name: string | undefined): ConversationTab => TABS.find((tab) => tab === name) ?? "messages";

/** One conversation: its messages, who takes part, its webhooks and settings. */
export function ConversationView({ sid, author, tab = "messages" }: ConversationViewProps) {
  const conversation = useConversation(sid);
  if (conversation.data) return <Known conversation={conversation.data} sid={sid} author={author} tab={tab} />;
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

interface KnownProps {
  readonly conversation: Conversation;
  /** As the address names it: a SID or a unique name. */
  readonly sid: string;
  readonly author: string | null;
  readonly tab: ConversationTab;
}

function Known({ conversation, sid, author, tab }: KnownProps) {
  const { values } = useFilters(["serviceSid"]);
  const query = values.serviceSid ? `?serviceSid=${encodeURIComponent(values.serviceSid)}` : "";
  const tabs = TABS.map((key) => ({
    key,
    label: words.tabs[key],
    to: `/conversations/${encodeURIComponent(sid)}${key === "messages" ? "" : `/${key}`}${query}`,
  }));
  return (
    <>
      <Breadcrumb />
      <PageHeader title={conversationName(conversation)} mark={<StateBadge state={conversation.state} />} />
      <TabLinks label={words.tabsLabel} tabs={tabs} current={tab} />
      <Part conversation={conversation} author={author} tab={tab} ofService={values.serviceSid !== ""} />
    </>
  );
}

function Part({ conversation, author, tab, ofService }: Omit<KnownProps, "sid"> & { readonly ofService: boolean }) {
  const closed = conversation.state === "closed" ? text.conversations.composer.closed : null;
  switch (tab) {
    case "participants":
      return <ResourceList spec={participantsSpec(conversation, closed, ofService)} />;
    case "webhooks":
      return <ResourceList spec={webhooksSpec(conversation, ofService)} />;
    case "settings":
      return <Settings conversation={conversation} readOnly={closed} />;
    case "messages":
      return <MessagesPart conversation={conversation} author={author} />;
  }
}

function MessagesPart({ conversation, author }: Pick<KnownProps, "conversation" | "author">) {
  const { sid, state, dateCreated, dateUpdated, uniqueName } = conversation;
  return (
    <Box
      display="grid"
      gridTemplateColumns={["minmax(0, 1fr)", "minmax(0, 1fr)", "minmax(0, 1fr) 19rem"]}
      columnGap="space80"
      rowGap="space80"
    >
      <Section title={text.conversations.messages}>
        <Messages sid={sid} author={author} readOnly={readOnlyReason(state, author)} />
      </Section>
      <Box display="flex" flexDirection="column" rowGap="space80" minWidth="0">
        <Section title={text.conversations.customer.title}>
          <Customer sid={sid} />
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
    </Box>
  );
}

/** The first participant who has an address outside chat is who the conversation is with. */
function Customer({ sid }: { readonly sid: string }) {
  const mayRead = useMay("agent");
  const participants = useRows({ path: `/api/conversations/${encodeURIComponent(sid)}/participants` }, null);
  if (!mayRead) return <EmptyNotice detail={text.conversations.customer.viewer} />;
  if (participants.isPending) return <SkeletonLoader height="sizeSquare110" />;
  const addresses = (participants.data?.items ?? []).map((row) => textAt(row, "messagingBinding.address"));
  const address = addresses.find((it) => it !== "")?.replace(/^[a-z]+:/, "");
  if (!address) return <EmptyNotice detail={text.conversations.customer.nobody} />;
  return <CustomerPanel address={address} />;
}

function Settings({
  conversation,
  readOnly,
}: {
  readonly conversation: Conversation;
  readonly readOnly: string | null;
}) {
  const { sid } = conversation;
  const client = useQueryClient();
  const navigate = useNavigate();
  const mayDelete = useMay("supervisor");
  const remove = useDeleteConversation(sid, "");
  const [asking, setAsking] = useState(false);
  return (
    <Box display="flex" flexDirection="column" rowGap="space80">
      <DocumentForm
        path={`/api/conversations/${encodeURIComponent(sid)}`}
        what={text.conversations.one}
        fields={SETTINGS_FIELDS}
        write="agent"
        readOnly={readOnly}
        onSaved={() => void client.invalidateQueries({ queryKey: conversationKeys.all })}
      />
      {mayDelete ? (
        <Section title={words.dangerTitle}>
          <Button variant="destructive_secondary" onClick={() => setAsking(true)}>
            {words.deleteConversation}
          </Button>
        </Section>
      ) : null}
      {asking ? (
        <ConfirmDialog
          title={words.deleteTitle}
          detail={fill(text.manage.deleteAllDetail, { name: conversationName(conversation) })}
          submit={text.manage.delete}
          failed={fill(text.manage.notDeleted, { name: conversationName(conversation) })}
          error={remove.error}
          pending={remove.isPending}
          onConfirm={() => remove.mutate(undefined, { onSuccess: () => void navigate("/conversations") })}
          onClose={() => setAsking(false)}
        />
      ) : null}
    </Box>
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
      <TextLink to="/conversations">{text.conversations.backToList}</TextLink>
    </Box>
  );
}
