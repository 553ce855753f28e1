import { Badge } from "@twilio-paste/core/badge";
import { Box } from "@twilio-paste/core/box";
import { Checkbox } from "@twilio-paste/core/checkbox";
import { ScreenReaderOnly } from "@twilio-paste/core/screen-reader-only";

import { formatCount } from "@/shared/format/numbers";
import { formatCaller, formatName } from "@/shared/format/phones";
import { TextLink } from "@/shared/ui/links";
import { Moment } from "@/shared/ui/Moment";
import type { Column } from "@/shared/ui/RowsTable";
import { fill, plural, text } from "@/texts";

import type { Conversation } from "./api/conversation";
import { ChannelMark } from "./ChannelMark";
import { conversationName } from "./conversationName";
import { StateBadge } from "./StateBadge";

const words = text.conversations;

interface Selection {
  readonly selected: ReadonlySet<string>;
  readonly onToggle: (sid: string) => void;
}

/** The list's columns; with a box to tick for who may act on several. */
export function conversationColumns(selection: Selection | null): readonly Column<Conversation>[] {
  return selection ? [...COLUMNS, selecting(selection)] : COLUMNS;
}

const selecting = ({ selected, onToggle }: Selection): Column<Conversation> => ({
  key: "select",
  header: words.select,
  width: "9%",
  cell: (conversation) => (
    <Checkbox checked={selected.has(conversation.sid)} onChange={() => onToggle(conversation.sid)}>
      <ScreenReaderOnly>{fill(words.selectOne, { name: conversationName(conversation) })}</ScreenReaderOnly>
    </Checkbox>
  ),
});

const COLUMNS: readonly Column<Conversation>[] = [
  { key: "name", header: words.name, width: "29%", cell: (conversation) => <Name conversation={conversation} /> },
  { key: "state", header: words.state, width: "10%", cell: ({ state }) => <StateBadge state={state} /> },
  {
    key: "who",
    header: words.participants,
    width: "20%",
    cell: (conversation) => <Participants conversation={conversation} />,
    wideOnly: true,
  },
  {
    key: "activity",
    header: words.lastActivity,
    width: "16%",
    cell: ({ activity, dateUpdated }) => <Moment at={activity?.lastActivityAt ?? dateUpdated} />,
  },
  {
    key: "created",
    header: words.created,
    width: "16%",
    cell: ({ dateCreated }) => <Moment at={dateCreated} />,
    wideOnly: true,
  },
];

function Name({ conversation }: { readonly conversation: Conversation }) {
  const { sid, chatServiceSid, attributes: tags, activity } = conversation;
  const last = activity?.lastMessage;
  const query = new URLSearchParams(window.location.search).get("serviceSid")
    ? `?serviceSid=${encodeURIComponent(chatServiceSid)}`
    : "";
  return (
    <Box minWidth="0" data-sid={sid}>
      <Box display="flex" flexWrap="wrap" alignItems="center" columnGap="space30">
        <TextLink to={`/conversations/${encodeURIComponent(sid)}${query}`}>{conversationName(conversation)}</TextLink>
        {tags.map((tag) => (
          <Badge key={tag} as="span" variant="decorative10">
            {tag}
          </Badge>
        ))}
        {activity && activity.unreadCount > 0 ? (
          <Badge as="span" variant="new">
            {plural(words.unread, activity.unreadCount)}
          </Badge>
        ) : null}
      </Box>
      {last ? (
        <Box
          color="colorTextWeak"
          fontSize="fontSize20"
          lineHeight="lineHeight20"
          whiteSpace="nowrap"
          overflow="hidden"
          textOverflow="ellipsis"
        >
          {formatName(last.author)}: {last.body}
        </Box>
      ) : null}
    </Box>
  );
}

function Participants({ conversation: { activity } }: { readonly conversation: Conversation }) {
  if (!activity || activity.participants.length === 0) return <>{text.noValueMark}</>;
  const names = activity.participants.map(({ identity, address }) => identity || formatCaller(address));
  const more = names.length - 2;
  return (
    <Box display="flex" alignItems="center" columnGap="space30" minWidth="0">
      {activity.channels.map((channel) => (
        <ChannelMark key={channel} channel={channel} />
      ))}
      <Box as="span" minWidth="0" overflowWrap="anywhere">
        {names.slice(0, 2).join(", ")}
        {more > 0 ? ` +${formatCount(more)}` : ""}
      </Box>
    </Box>
  );
}
