import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";
import { pageOf } from "@/shared/api/schemas";

import type { Row } from "./fields";
import type { ResourceSpec } from "./spec";

const PAGE_SIZE = 50;
export const rowSchema = v.looseObject({ sid: v.string() });
const pageSchema = pageOf(rowSchema);
type Page = v.InferOutput<typeof pageSchema>;
type Place = Pick<ResourceSpec, "path" | "query">;

const listKey = ({ path, query = {} }: Place) => ["resources", path, query] as const;
const itemPath = (path: string, sid: string): string => `${path}/${encodeURIComponent(sid)}`;

/** A page of the list; while the next one loads, the one before stays. */
export const useRows = (place: Place, cursor: string | null) =>
  useQuery({
    queryKey: [...listKey(place), cursor],
    queryFn: ({ signal }) =>
      request(place.path, pageSchema, { query: { ...place.query, limit: PAGE_SIZE, cursor }, signal }),
    placeholderData: keepPreviousData,
  });

/** Creates, or changes the row with `sid`. */
export function useSaveRow(place: Place, sid: string | null) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: unknown) =>
      request(sid === null ? place.path : itemPath(place.path, sid), rowSchema, {
        method: sid === null ? "POST" : "PUT",
        ...(place.query ? { query: place.query } : {}),
        body,
      }),
    onSettled: () => void client.invalidateQueries({ queryKey: ["resources", place.path] }),
  });
}

/** Deletes a row: it is gone at once, and comes back when it could not be deleted. */
export function useDeleteRow(place: Place) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ sid }: Row) =>
      request(itemPath(place.path, sid), v.unknown(), {
        method: "DELETE",
        ...(place.query ? { query: place.query } : {}),
      }),
    onMutate: ({ sid }) => {
      const before = client.getQueriesData<Page>({ queryKey: listKey(place) });
      client.setQueriesData<Page>(
        { queryKey: listKey(place) },
        (page) => page && { ...page, items: page.items.filter((row) => row.sid !== sid) },
      );
      return before;
    },
    onError: (_error, _row, before) => before?.forEach(([key, page]) => client.setQueryData(key, page)),
    onSettled: () => void client.invalidateQueries({ queryKey: listKey(place) }),
  });
}
