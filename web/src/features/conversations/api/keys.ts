import type { State } from "./conversation";

export const conversationKeys = {
  all: ["conversations"] as const,
  lists: ["conversations", "list"] as const,
  list: (filter: { state: State | null; cursor: string | null }) => ["conversations", "list", filter] as const,
  ones: ["conversations", "one"] as const,
  one: (sid: string) => ["conversations", "one", sid] as const,
  messages: (sid: string) => ["conversations", "messages", sid] as const,
};
