import { useSearchParams } from "react-router";

import { type State, STATES } from "./api/conversation";
import type { ConversationFilter } from "./api/listConversations";

/** The filter and page in the address, and the way to another state, which begins at its first page. */
export function useConversationFilter(): { filter: ConversationFilter; chooseState: (state: State | null) => void } {
  const [params, setParams] = useSearchParams();
  const filter = { state: parseState(params.get("state")), cursor: params.get("cursor") };
  const chooseState = (state: State | null): void => setParams(state ? { state } : {});
  return { filter, chooseState };
}

export function parseState(value: string | null): State | null {
  return STATES.find((state) => state === value) ?? null;
}

/** The address of a page of the list. */
export function conversationsPath({ state, cursor }: ConversationFilter): string {
  const params = new URLSearchParams();
  if (state) params.set("state", state);
  if (cursor) params.set("cursor", cursor);
  const query = params.toString();
  return query ? `/conversations?${query}` : "/conversations";
}
