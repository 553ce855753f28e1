import { useMutation, useQueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";

import { callKeys } from "./keys";

export interface NewCall {
  readonly to: string;
  readonly language?: string;
}

const placedSchema = v.object({ callSid: v.string() });

const placeCall = (body: NewCall) => request("/svc/relay/api/calls", placedSchema, { method: "POST", body });

/** Rings a number; the agent speaks with who answers. */
export function usePlaceCall() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: placeCall,
    onSuccess: () => void client.invalidateQueries({ queryKey: callKeys.list }),
  });
}
