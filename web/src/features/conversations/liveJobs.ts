import type { QueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { jobSchema } from "./api/bulk";
import { conversationKeys } from "./api/keys";

/** Puts a job's progress where its dialog reads it; jobs that nobody looks at are skipped. */
export function applyJob(client: QueryClient, data: unknown): void {
  const job = v.safeParse(jobSchema, data);
  if (!job.success) return;
  client.setQueryData(conversationKeys.job(job.output.id), (known: unknown) => (known ? job.output : undefined));
}
