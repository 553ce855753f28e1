import { formatCount } from "@/shared/format/numbers";
import { Tile, TileSkeleton } from "@/shared/ui/Tile";
import { plural, text } from "@/texts";

import { CONVERSATION_FILTERS, type ConversationFilter, useConversations } from "./api/listConversations";

const words = text.conversations.today;
const NO_FILTER = Object.fromEntries(CONVERSATION_FILTERS.map((name) => [name, ""])) as ConversationFilter;

/** When the viewer's day began. */
function midnight(): string {
  const day = new Date();
  day.setHours(0, 0, 0, 0);
  return day.toISOString();
}

/** How many conversations somebody wrote in today, and in how many of them a customer waits for words. */
export function TodayConversations() {
  const activeAfter = midnight();
  const counted = { sort: "", limit: 1, cursor: null };
  const today = useConversations({ ...NO_FILTER, activeAfter }, counted);
  const waiting = useConversations({ ...NO_FILTER, activeAfter, unread: "true" }, counted);
  if (today.isPending) return <TileSkeleton />;
  const total = today.data?.total ?? null;
  const unread = waiting.data?.total ?? null;
  return (
    <Tile
      to={`/conversations?${new URLSearchParams({ activeAfter }).toString()}`}
      title={words.title}
      value={total === null ? text.noValueMark : formatCount(total) + (today.data?.totalIsExact === false ? "+" : "")}
      lines={[words.detail, ...(unread === null ? [] : [plural(words.unread, unread)])]}
    />
  );
}
