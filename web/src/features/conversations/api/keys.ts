export const conversationKeys = {
  all: ["conversations"] as const,
  lists: ["conversations", "list"] as const,
  list: (filter: object) => ["conversations", "list", filter] as const,
  ones: ["conversations", "one"] as const,
  one: (sid: string) => ["conversations", "one", sid] as const,
  messages: (sid: string) => ["conversations", "messages", sid] as const,
  receipts: (sid: string, messageSid: string) => ["conversations", "receipts", sid, messageSid] as const,
  timeline: (sid: string) => ["conversations", "timeline", sid] as const,
  job: (id: string) => ["conversations", "job", id] as const,
};
