import { formatCaller } from "@/shared/format/phones";
import { TextLink } from "@/shared/ui/links";

import type { Call } from "./api/call";

/** The caller, leading to the call's page. */
export function CallerLink({ call }: { readonly call: Call }) {
  return <TextLink to={`/calls/${encodeURIComponent(call.call_sid)}`}>{formatCaller(call.caller)}</TextLink>;
}
