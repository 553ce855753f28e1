import { text } from "@/texts";

import type { Conversation } from "./api/conversation";

export const conversationName = ({ friendlyName, uniqueName }: Conversation): string =>
  friendlyName || uniqueName || text.conversations.unnamed;
