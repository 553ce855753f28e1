import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { Label } from "@twilio-paste/core/label";
import { Option, Select } from "@twilio-paste/core/select";
import { useUID } from "@twilio-paste/core/uid-library";
import type { ReactNode } from "react";

import { hasStatus } from "@/shared/api/apiError";
import { CursorPager } from "@/shared/ui/CursorPager";
import { ButtonLink, TextLink } from "@/shared/ui/links";
import { Moment } from "@/shared/ui/Moment";
import { type Column, RowsTable } from "@/shared/ui/RowsTable";
import { text } from "@/texts";

import { type Conversation, type State, STATES } from "./api/conversation";
import { type ConversationFilter, useConversations } from "./api/listConversations";
import { conversationName } from "./conversationName";
import { StateBadge } from "./StateBadge";
import { conversationsPath, parseState, useConversationFilter } from "./useConversationFilter";

const COLUMNS: readonly Column<Conversation>[] = [
  {
    key: "name",
    header: text.conversations.name,
    width: "34%",
    cell: (conversation) => (
      <TextLink to={`/conversations/${encodeURIComponent(conversation.sid)}`}>
        {conversationName(conversation)}
      </TextLink>
    ),
  },
  { key: "state", header: text.conversations.state, width: "13%", cell: ({ state }) => <StateBadge state={state} /> },
  {
    key: "updated",
    header: text.conversations.updated,
    width: "17%",
    cell: ({ dateUpdated }) => <Moment at={dateUpdated} />,
  },
  {
    key: "created",
    header: text.conversations.created,
    width: "17%",
    cell: ({ dateCreated }) => <Moment at={dateCreated} />,
    wideOnly: true,
  },
  {
    key: "unique",
    header: text.conversations.uniqueName,
    width: "19%",
    cell: ({ uniqueName }) => uniqueName || text.noValueMark,
    wideOnly: true,
  },
];

interface ConversationListProps {
  /** Creates a conversation; absent for who may not. */
  readonly create: ReactNode;
}

/** The account's conversations, a page at a time; filter and page live in the address. */
export function ConversationList({ create }: ConversationListProps) {
  const { filter, chooseState } = useConversationFilter();
  const page = useConversations(filter);
  const cursorGone = filter.cursor !== null && hasStatus(page.error, 400);
  const rows = page.data?.items ?? [];
  return (
    <Box display="flex" flexDirection="column" rowGap="space50">
      <StateFilter state={filter.state} onChoose={chooseState} />
      <Box aria-busy={page.isPlaceholderData} opacity={page.isPlaceholderData ? 0.5 : 1}>
        <RowsTable
          what={text.conversations.what}
          columns={COLUMNS}
          query={cursorGone ? { ...page, isError: false } : page}
          rows={rows}
          rowKey={({ sid }) => sid}
          empty={emptyFor(filter, create, () => chooseState(null))}
          skeletonRows={6}
        />
      </Box>
      <CursorPager
        label={text.conversations.paging}
        nextCursor={page.isPlaceholderData ? null : (page.data?.nextCursor ?? null)}
      />
    </Box>
  );
}

function StateFilter({
  state,
  onChoose,
}: {
  readonly state: State | null;
  readonly onChoose: (state: State | null) => void;
}) {
  const id = useUID();
  return (
    <Box display="flex" alignItems="center" columnGap="space40">
      <Label htmlFor={id} marginBottom="space0">
        {text.conversations.filterState}
      </Label>
      <Box width="size20">
        <Select id={id} value={state ?? "all"} onChange={(event) => onChoose(parseState(event.target.value))}>
          <Option value="all">{text.conversations.states.all}</Option>
          {STATES.map((name) => (
            <Option key={name} value={name}>
              {text.conversations.states[name]}
            </Option>
          ))}
        </Select>
      </Box>
    </Box>
  );
}

function emptyFor({ state, cursor }: ConversationFilter, create: ReactNode, showAll: () => void) {
  if (cursor !== null) {
    return {
      title: text.conversations.emptyPage,
      detail: text.conversations.emptyPageDetail,
      action: <ButtonLink to={conversationsPath({ state, cursor: null })}>{text.paging.first}</ButtonLink>,
    };
  }
  if (state !== null) {
    return {
      title: text.conversations.emptyFiltered,
      detail: text.conversations.emptyFilteredDetail,
      action: (
        <Button variant="secondary" size="small" onClick={showAll}>
          {text.conversations.showAll}
        </Button>
      ),
    };
  }
  const detail = create ? text.conversations.emptyDetail : text.conversations.emptyDetailViewer;
  return { title: text.conversations.empty, detail, action: create };
}
