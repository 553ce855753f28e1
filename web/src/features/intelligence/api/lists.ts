import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { request } from "@/shared/api/request";

import { deadLetterPage, eventPage, intelligenceKeys, resultPage, statusSchema } from "./intelligence";

const BASE = "/svc/intelligence";
const PAGE_SIZE = 25;
// Results are told over the live connection; what else becomes of an event is not, so the page asks while it is open.
const REFRESH_MS = 10_000;

export const useStatus = () =>
  useQuery({
    queryKey: intelligenceKeys.status,
    queryFn: ({ signal }) => request(`${BASE}/status`, statusSchema, { signal }),
    refetchInterval: REFRESH_MS,
  });

export const useEvents = (state: string, cursor: string | null) =>
  useQuery({
    queryKey: intelligenceKeys.events(state, cursor),
    queryFn: ({ signal }) =>
      request(`${BASE}/events`, eventPage, { query: { state, limit: PAGE_SIZE, cursor }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });

export const useResults = (cursor: string | null) =>
  useQuery({
    queryKey: intelligenceKeys.results(cursor),
    queryFn: ({ signal }) => request(`${BASE}/data`, resultPage, { query: { limit: PAGE_SIZE, cursor }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });

export const useDeadLetters = (cursor: string | null) =>
  useQuery({
    queryKey: intelligenceKeys.deadLetters(cursor),
    queryFn: ({ signal }) =>
      request(`${BASE}/dead-letters`, deadLetterPage, { query: { limit: PAGE_SIZE, cursor }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
