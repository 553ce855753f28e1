import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";

import { callKeys } from "@/features/calls/api/keys";
import { applyCallRecord, parseCallRecord } from "@/features/calls/liveRecords";
import { applyConversationEvent } from "@/features/conversations/liveConversations";
import { applyHealth } from "@/features/health/liveHealth";
import { sessionCheckOptions } from "@/features/session";
import { aggregatesKey } from "@/features/analytics/api/getAggregates";
import { conversationKeys } from "@/features/conversations/api/keys";
import { applyJob } from "@/features/conversations/liveJobs";
import { intelligenceKeys } from "@/features/intelligence/api/intelligence";
import { summaryKey } from "@/features/signals/api/getSummary";
import { LiveConnection, type LiveStatus } from "@/shared/live/connection";
import type { Frame } from "@/shared/live/frames";
import { LiveStatusContext } from "@/shared/live/LiveStatusContext";
import { type Refresher, refresher } from "@/shared/live/refresher";

/** Keeps the live connection for as long as the shell is shown, and applies what it brings to the cache. */
export function LiveBridge({ children }: { readonly children: ReactNode }) {
  const client = useQueryClient();
  const [status, setStatus] = useState<LiveStatus>("connecting");
  useEffect(() => startLive(client, setStatus), [client]);
  return <LiveStatusContext.Provider value={status}>{children}</LiveStatusContext.Provider>;
}

function startLive(client: QueryClient, onStatus: (status: LiveStatus) => void): () => void {
  const numbers = refresher(client, [summaryKey, aggregatesKey, intelligenceKeys.all]);
  const lists = refresher(client, [conversationKeys.lists]);
  const connection = new LiveConnection(
    {
      onFrame: (frame) => applyFrame(client, frame, { numbers, lists }),
      onBegin: () => void client.invalidateQueries({ predicate: ({ state }) => state.data !== undefined }),
      onMissed: () => void client.invalidateQueries(),
      onRefused: () => void client.prefetchQuery(sessionCheckOptions),
      onStatus,
    },
    {
      openSocket: () => new WebSocket(liveAddress(window.location)),
      isOnline: () => navigator.onLine,
      random: Math.random,
    },
  );
  const hurry = (): void => {
    if (document.visibilityState === "visible") connection.hurry();
  };
  connection.open();
  window.addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  return () => {
    window.removeEventListener("online", hurry);
    document.removeEventListener("visibilitychange", hurry);
    numbers.stop();
    lists.stop();
    connection.close();
  };
}

/** What is read again after a change, instead of once per frame. */
interface Refreshers {
  readonly numbers: Pick<Refresher, "refresh">;
  readonly lists: Pick<Refresher, "refresh">;
}

/** Gives a frame to the part of the console its topic belongs to; topics of later servers are skipped. */
export function applyFrame(client: QueryClient, { topic, data }: Frame, { numbers, lists }: Refreshers): void {
  switch (topic) {
    case "calls": {
      const record = parseCallRecord(data);
      if (!record) return;
      applyCallRecord(client, record);
      if (record.type === "call_started" || record.type === "call_ended") numbers.refresh();
      if (record.type === "call_ended") void client.invalidateQueries({ queryKey: callKeys.pasts });
      return;
    }
    case "results":
      void client.invalidateQueries({ queryKey: callKeys.pasts });
      void client.invalidateQueries({ queryKey: callKeys.results });
      return numbers.refresh();
    case "conversations":
      applyConversationEvent(client, data);
      // Last activity, unread and order of the lists: the index counts them.
      return lists.refresh();
    case "jobs":
      return applyJob(client, data);
    case "health":
      return applyHealth(client, data);
  }
}

function liveAddress({ protocol, host }: Location): string {
  return `${protocol === "https:" ? "wss" : "ws"}://${host}/api/live`;
}
