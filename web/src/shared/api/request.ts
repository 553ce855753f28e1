import * as v from "valibot";

import { ApiError, refusal } from "./apiError";

type Schema = v.GenericSchema;
type QueryValue = string | number | null | undefined;

interface RequestOptions {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/**
 * The answer, parsed by `schema`. Raises ApiError: `problem` for a refusal, `network` when no answer came, `shape` when
 * the answer is not what the schema says; an abort stays an AbortError.
 */
export async function request<S extends Schema>(
  path: string,
  schema: S,
  options: RequestOptions = {},
): Promise<v.InferOutput<S>> {
  const response = await send(path, options);
  if (!response.ok) throw await refusal(response);
  const body: unknown = response.status === 204 ? undefined : await readJson(response);
  const parsed = v.safeParse(schema, body);
  if (!parsed.success) throw new ApiError({ kind: "shape", status: response.status, cause: parsed.issues });
  return parsed.output;
}

async function send(path: string, { method = "GET", query = {}, body, signal }: RequestOptions): Promise<Response> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    init.headers = { ...init.headers, "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  try {
    return await fetch(path + queryString(query), init);
  } catch (cause) {
    if (isAbort(cause)) throw cause;
    throw new ApiError({ kind: "network", cause });
  }
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    if (isAbort(cause)) throw cause;
    throw new ApiError({ kind: "shape", status: response.status, cause });
  }
}

function isAbort(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === "AbortError";
}

function queryString(query: Readonly<Record<string, QueryValue>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value == null || value === "" ? [] : [[name, String(value)]],
  );
  return pairs.length > 0 ? `?${new URLSearchParams(pairs).toString()}` : "";
}
