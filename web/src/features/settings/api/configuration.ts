import { useQuery } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";
import { textOrEmpty } from "@/shared/api/schemas";

const configurationSchema = v.object({
  items: v.array(
    v.object({ name: v.string(), value: v.nullish(v.string(), null), secret: v.nullish(v.boolean(), false) }),
  ),
  findings: v.array(
    v.object({ level: v.fallback(v.picklist(["ok", "note", "fault"]), "note"), what: v.string(), advice: textOrEmpty }),
  ),
});
export type Configuration = v.InferOutput<typeof configurationSchema>;
export type Finding = Configuration["findings"][number];
export type Item = Configuration["items"][number];

/** What the services read, and what `doctor` finds about it. The check takes seconds: it is kept until asked again. */
export const useConfiguration = (enabled: boolean) =>
  useQuery({
    queryKey: ["configuration"],
    queryFn: ({ signal }) => request("/api/configuration", configurationSchema, { signal }),
    enabled,
    staleTime: 5 * 60_000,
  });
