import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import { useLocation, useNavigate } from "react-router";

import { ButtonLink } from "@/shared/ui/links";
import { text } from "@/texts";

import type { ConversationFilter } from "./api/listConversations";
import { conversationsPath } from "./useConversationFilter";

interface PagerProps {
  readonly filter: ConversationFilter;
  readonly nextCursor: string | null;
}

/** Twilio's cursors lead forward only: back goes through the browser's history, where the page before is. */
export function Pager({ filter, nextCursor }: PagerProps) {
  const navigate = useNavigate();
  const before = pagesBefore(useLocation().state);
  if (filter.cursor === null && nextCursor === null) return null;
  return (
    <Box as="nav" aria-label={text.conversations.paging} display="flex" columnGap="space40" justifyContent="flex-end">
      {filter.cursor === null ? null : (
        <ButtonLink to={conversationsPath({ ...filter, cursor: null })}>{text.conversations.firstPage}</ButtonLink>
      )}
      {before > 0 ? (
        <Button variant="secondary" size="small" onClick={() => void navigate(-1)}>
          {text.conversations.previousPage}
        </Button>
      ) : null}
      {nextCursor === null ? null : (
        <ButtonLink to={conversationsPath({ ...filter, cursor: nextCursor })} state={{ pagesBefore: before + 1 }}>
          {text.conversations.nextPage}
        </ButtonLink>
      )}
    </Box>
  );
}

/** How many pages of this list lie behind in the history; none after a link was opened. */
function pagesBefore(state: unknown): number {
  if (typeof state !== "object" || state === null || !("pagesBefore" in state)) return 0;
  return typeof state.pagesBefore === "number" ? state.pagesBefore : 0;
}
