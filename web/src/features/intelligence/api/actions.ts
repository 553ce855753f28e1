import { useMutation, useQueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";
import { numberOrZero } from "@/shared/api/schemas";

import { intelligenceKeys } from "./intelligence";

const BASE = "/svc/intelligence";
const replayedSchema = v.object({
  replayed: v.nullish(v.array(v.string()), []),
  failed: v.nullish(v.array(v.object({ id: v.string(), why: v.nullish(v.string(), "") })), []),
});
const reportSchema = v.object({ listed: numberOrZero, filled: numberOrZero });

/** Makes one dead letter open work again. */
export const useReplay = () =>
  useChange((id: string) =>
    request(`${BASE}/dead-letters/${encodeURIComponent(id)}/replay`, v.unknown(), { method: "POST" }),
  );

/** The same for all of them, a page at a time on the server's side. */
export const useReplayAll = () =>
  useChange((ids: readonly string[]) =>
    request(`${BASE}/dead-letters/replay`, replayedSchema, { method: "POST", body: { ids } }),
  );

/** Fills in what no webhook told. `since` is an ISO time, or empty for the watermark less a day. */
export const useReconcile = () =>
  useChange((since: string) =>
    request(`${BASE}/reconcile`, reportSchema, { method: "POST", body: since === "" ? {} : { since } }),
  );

function useChange<Input, Output>(send: (input: Input) => Promise<Output>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSettled: () => void client.invalidateQueries({ queryKey: intelligenceKeys.all }),
  });
}
