import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";
import { numberOrNull, numberOrZero, textOrEmpty, textOrNull } from "@/shared/api/schemas";

const BASE = "/svc/sandbox/control";
const keys = {
  all: ["sandbox"] as const,
  model: ["sandbox", "model"],
  faults: ["sandbox", "faults"],
  requests: ["sandbox", "requests"],
};
const REFRESH_MS = 5000;

const modelSchema = v.object({ first_token_ms: numberOrZero, token_ms: numberOrZero });
const faultSchema = v.object({
  product: v.string(),
  status: numberOrNull,
  delay_ms: numberOrZero,
  count: numberOrZero,
  path: textOrEmpty,
});
const requestSchema = v.looseObject({
  at: textOrNull,
  product: textOrEmpty,
  method: textOrEmpty,
  path: textOrEmpty,
});
const itemsOf = <S extends v.GenericSchema>(item: S) => v.object({ items: v.array(item) });

export type Pace = v.InferOutput<typeof modelSchema>;
export type Fault = v.InferOutput<typeof faultSchema>;
export type SeenRequest = v.InferOutput<typeof requestSchema>;

export const usePace = () =>
  useQuery({ queryKey: keys.model, queryFn: ({ signal }) => request(`${BASE}/model`, modelSchema, { signal }) });

export const useFaults = () =>
  useQuery({
    queryKey: keys.faults,
    queryFn: ({ signal }) => request(`${BASE}/faults`, itemsOf(faultSchema), { signal }),
    refetchInterval: REFRESH_MS,
  });

export const useRequests = () =>
  useQuery({
    queryKey: keys.requests,
    queryFn: ({ signal }) => request(`${BASE}/requests`, itemsOf(requestSchema), { query: { limit: 25 }, signal }),
    refetchInterval: REFRESH_MS,
  });

export const useSetPace = () =>
  useChange((body: Pace) => request(`${BASE}/model`, v.unknown(), { method: "PUT", body }));

export const useOrderFault = () =>
  useChange((body: Readonly<Record<string, unknown>>) =>
    request(`${BASE}/faults`, v.unknown(), { method: "POST", body }),
  );

export const useClearFaults = () => useChange(() => request(`${BASE}/faults`, v.unknown(), { method: "DELETE" }));

function useChange<Input>(send: (input: Input) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: send, onSettled: () => void client.invalidateQueries({ queryKey: keys.all }) });
}
