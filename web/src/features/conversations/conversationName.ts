import { formatName } from "@/shared/format/phones";
import { text } from "@/texts";

import type { Conversation } from "./api/conversation";

export const conversationName = ({ friendlyName, uniqueName }: Conversation): string =>
  formatName(friendlyName || uniqueName || text.conversations.unnamed);
