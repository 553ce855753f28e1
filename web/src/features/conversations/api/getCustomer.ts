import { queryOptions } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";
import { numberOrNull, textOrEmpty, textOrNull } from "@/shared/api/schemas";

const callSchema = v.object({
  key: v.string(),
  call_sid: textOrNull,
  started_at: textOrNull,
  csat: numberOrNull,
  legal_risk_band: textOrNull,
  evidence: v.nullish(
    v.object({
      findings: v.nullish(
        v.array(v.object({ category: textOrEmpty, severity: v.nullish(v.number(), 0), evidence: textOrEmpty })),
        [],
      ),
    }),
    null,
  ),
});
const customerSchema = v.object({
  traits: v.nullish(v.record(v.string(), v.unknown()), {}),
  calls: v.nullish(v.array(callSchema), []),
});
export type Customer = v.InferOutput<typeof customerSchema>;

/** What signal_analytics and Segment know of who has this number. */
export const customerOptions = (phone: string) =>
  queryOptions({
    queryKey: ["customer", phone],
    queryFn: ({ signal }) =>
      request(`/svc/analytics/api/customers/${encodeURIComponent(phone)}`, customerSchema, { signal }),
  });
