import * as v from "valibot";

/** How a request went wrong: a refusal with a problem document, no answer at all, or an answer we cannot read. */
export type ApiErrorKind = "problem" | "network" | "shape";

interface ApiErrorFacts {
  readonly kind: ApiErrorKind;
  readonly status?: number;
  readonly code?: number;
  readonly detail?: string;
  readonly retryAfterS?: number;
  readonly faults?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly cause?: unknown;
}

/** The one error of all requests. `status` is 0 when no answer came; `detail` is a sentence for the reader or empty. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly kind: ApiErrorKind;
  readonly status: number;
  readonly code: number | null;
  readonly detail: string;
  readonly retryAfterS: number | null;
  /** What is wrong with which field of the body, by the field's name. */
  readonly faults: Readonly<Record<string, string>>;
  /** The refusal's document, for what only one kind of request gets. */
  readonly body: unknown;

  constructor(facts: ApiErrorFacts) {
    super(facts.detail ?? facts.kind, { cause: facts.cause });
    this.kind = facts.kind;
    this.status = facts.status ?? 0;
    this.code = facts.code ?? null;
    this.detail = facts.detail ?? "";
    this.retryAfterS = facts.retryAfterS ?? null;
    this.faults = facts.faults ?? {};
    this.body = facts.body;
  }
}

// RFC 9457; a gateway in between may answer without one, so every field may be missing.
const problemSchema = v.object({
  detail: v.optional(v.string()),
  code: v.optional(v.number()),
  errors: v.fallback(v.optional(v.array(v.object({ field: v.string(), reason: v.string() })), []), []),
});

/** The error for a refused request; reads the problem document when there is one. */
export async function refusal(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const problem = v.safeParse(problemSchema, body);
  const retryAfterS = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new ApiError({
    kind: "problem",
    body,
    ...(problem.success
      ? { faults: Object.fromEntries(problem.output.errors.map(({ field, reason }) => [field, reason])) }
      : {}),
    status: response.status,
    ...(problem.success && problem.output.code !== undefined ? { code: problem.output.code } : {}),
    ...(problem.success && problem.output.detail ? { detail: problem.output.detail } : {}),
    ...(Number.isNaN(retryAfterS) ? {} : { retryAfterS }),
  });
}

export function hasStatus(error: unknown, status: number): error is ApiError {
  return error instanceof ApiError && error.status === status;
}

/** Whether the same request may succeed when sent again. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.kind === "network" || [502, 503, 504].includes(error.status);
}
