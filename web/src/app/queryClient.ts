import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";

import { hasStatus, isTransient } from "@/shared/api/apiError";

const RETRIES = 2;
const STALE_MS = 30_000;

interface Meta extends Record<string, unknown> {
  /** The request's own page says what a 401 means there. */
  readonly handlesUnauthorized?: boolean;
}

declare module "@tanstack/react-query" {
  interface Register {
    queryMeta: Meta;
    mutationMeta: Meta;
  }
}

/** The cache of everything the console has read. `onUnauthorized` is called when a session turns out to be over. */
export function createQueryClient(onUnauthorized: () => void): QueryClient {
  const check = (error: unknown, meta: Meta | undefined): void => {
    if (hasStatus(error, 401) && meta?.handlesUnauthorized !== true) onUnauthorized();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError: (error, query) => check(error, query.meta) }),
    mutationCache: new MutationCache({
      onError: (error, _variables, _context, mutation) => check(error, mutation.meta),
    }),
    defaultOptions: {
      queries: {
        staleTime: STALE_MS,
        retry: (failures, error) => failures < RETRIES && isTransient(error),
        retryDelay: (failures) => 500 * 2 ** failures,
        // The platform may be on this machine: no network is no reason not to ask.
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
}
