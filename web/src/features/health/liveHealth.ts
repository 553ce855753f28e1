import type { QueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { healthKey, type ServiceHealth } from "./api/getHealth";

const statesSchema = v.object({ services: v.record(v.string(), v.string()) });

/** Applies the states of a live frame; a service that is new or changed is read again for its detail. */
export function applyHealth(client: QueryClient, data: unknown): void {
  const parsed = v.safeParse(statesSchema, data);
  const known = client.getQueryData<readonly ServiceHealth[]>(healthKey);
  if (!parsed.success || !known) return;
  const states = parsed.output.services;
  const changed = Object.entries(states).some(([name, state]) => known.find((it) => it.name === name)?.state !== state);
  if (!changed) return;
  client.setQueryData(
    healthKey,
    known.map((service) => ({ ...service, state: states[service.name] ?? service.state })),
  );
  void client.invalidateQueries({ queryKey: healthKey });
}
