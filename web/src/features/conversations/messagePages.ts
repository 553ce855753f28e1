import type { InfiniteData, QueryClient } from "@tanstack/react-query";

import type { Message } from "./api/conversation";
import { conversationKeys } from "./api/keys";
import type { MessagePage } from "./api/listMessages";

type Pages = InfiniteData<MessagePage, string | null>;

/** All loaded messages, oldest first, each once. */
export function messagesInOrder(pages: readonly MessagePage[]): readonly Message[] {
  const bySid = new Map(pages.flatMap((page) => page.items.map((message) => [message.sid, message] as const)));
  return [...bySid.values()].toSorted((a, b) => a.index - b.index);
}

/** Puts a new or changed message where it belongs; a conversation that is not loaded stays so. */
export function putMessage(client: QueryClient, sid: string, message: Message): void {
  patchPages(client, sid, (pages) => {
    if (pages.some((page) => page.items.some((known) => known.sid === message.sid))) {
      return pages.map((page) => ({
        ...page,
        items: page.items.map((known) => (known.sid === message.sid ? merged(known, message) : known)),
      }));
    }
    return pages.map((page, position) => (position === 0 ? { ...page, items: [message, ...page.items] } : page));
  });
}

export function removeMessage(client: QueryClient, sid: string, messageSid: string): void {
  patchPages(client, sid, (pages) =>
    pages.map((page) => ({ ...page, items: page.items.filter((known) => known.sid !== messageSid) })),
  );
}

function patchPages(client: QueryClient, sid: string, change: (pages: MessagePage[]) => MessagePage[]): void {
  client.setQueryData<Pages>(conversationKeys.messages(sid), (data) => data && { ...data, pages: change(data.pages) });
}

/** A webhook's message knows no delivery, media or template: what is known of them stays. */
function merged(known: Message, message: Message): Message {
  return {
    ...message,
    delivery: message.delivery ?? known.delivery,
    contentSid: message.contentSid ?? known.contentSid,
    media: message.media.length > 0 ? message.media : known.media,
  };
}
