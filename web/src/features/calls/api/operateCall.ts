import { useMutation } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";

/** What an operator can do to a live call; the names are the relay's paths. */
export type Operation = "say" | "whisper" | "takeover" | "release" | "transfer" | "end";

export interface OperationRequest {
  readonly operation: Operation;
  readonly body?: Readonly<Record<string, string>>;
}

/** Acts on a live call. What comes of it arrives as records over the live connection. */
export const useOperateCall = (callSid: string) =>
  useMutation({
    mutationFn: ({ operation, body }: OperationRequest) =>
      request(`/svc/relay/api/calls/${encodeURIComponent(callSid)}/${operation}`, v.unknown(), {
        method: "POST",
        ...(body ? { body } : {}),
      }),
  });
