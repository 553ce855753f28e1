import { type QueryClient, skipToken, useQuery } from "@tanstack/react-query";

const key = ["session-ended"] as const;

/** Notes that requests are refused because the session is over; the page stays, with what was typed in it. */
export function markSessionEnded(client: QueryClient): void {
  client.setQueryData(key, true);
}

export function clearSessionEnded(client: QueryClient): void {
  client.setQueryData(key, false);
}

export const useSessionEnded = (): boolean =>
  useQuery({ queryKey: key, queryFn: skipToken, initialData: false, staleTime: Infinity }).data ?? false;
