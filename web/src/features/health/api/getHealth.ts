import { queryOptions, useQuery } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";
import { textOrEmpty } from "@/shared/api/schemas";

const serviceSchema = v.object({ name: v.string(), state: v.string(), detail: textOrEmpty });
const healthSchema = v.object({ services: v.array(serviceSchema) });

export type ServiceHealth = v.InferOutput<typeof serviceSchema>;

export const healthKey = ["health"] as const;

async function fetchHealth(signal: AbortSignal): Promise<readonly ServiceHealth[]> {
  return (await request("/api/health", healthSchema, { signal })).services;
}

const REFRESH_MS = 30_000;

export const healthOptions = queryOptions({
  queryKey: healthKey,
  queryFn: ({ signal }) => fetchHealth(signal),
  refetchInterval: REFRESH_MS,
});

export const useHealth = () => useQuery(healthOptions);
