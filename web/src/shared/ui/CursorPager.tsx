import { Box } from "@twilio-paste/core/box";
import { Button } from "@twilio-paste/core/button";
import type { ReactNode } from "react";
import { useLocation, useNavigate } from "react-router";

import { ButtonLink } from "@/shared/ui/links";
import { text } from "@/texts";

interface CursorPagerProps {
  readonly label: string;
  readonly nextCursor: string | null;
  /** At the left: how many there are, the page's size. */
  readonly children?: ReactNode;
}

/** Cursors lead forward only: back goes through the browser's history, where the page before is. */
export function CursorPager({ label, nextCursor, children }: CursorPagerProps) {
  const navigate = useNavigate();
  const { pathname, search, state } = useLocation();
  const before = pagesBefore(state);
  const first = !new URLSearchParams(search).has("cursor");
  if (first && nextCursor === null && !children) return null;
  return (
    <Box
      as="nav"
      aria-label={label}
      display="flex"
      flexWrap="wrap"
      alignItems="center"
      columnGap="space40"
      rowGap="space30"
    >
      <Box flex="1" color="colorTextWeak" fontSize="fontSize30" lineHeight="lineHeight30">
        {children}
      </Box>
      {first ? null : <ButtonLink to={pathname + withCursor(search, null)}>{text.paging.first}</ButtonLink>}
      {before > 0 ? (
        <Button variant="secondary" size="small" onClick={() => void navigate(-1)}>
          {text.paging.previous}
        </Button>
      ) : null}
      {nextCursor === null ? null : (
        <ButtonLink to={pathname + withCursor(search, nextCursor)} state={{ pagesBefore: before + 1 }}>
          {text.paging.next}
        </ButtonLink>
      )}
    </Box>
  );
}

/** The query with another cursor, or without one. */
export function withCursor(search: string, cursor: string | null): string {
  const params = new URLSearchParams(search);
  params.delete("cursor");
  if (cursor !== null) params.set("cursor", cursor);
  const query = params.toString();
  return query === "" ? "" : `?${query}`;
}

/** How many pages of this list lie behind in the history; none after a link was opened. */
function pagesBefore(state: unknown): number {
  if (typeof state !== "object" || state === null || !("pagesBefore" in state)) return 0;
  return typeof state.pagesBefore === "number" ? state.pagesBefore : 0;
}
