import * as v from "valibot";
import { expect, test } from "vitest";

import { ApiError, isTransient } from "@/shared/api/apiError";
import { describeError } from "@/shared/api/describeError";
import { request } from "@/shared/api/request";

import { withPlatform } from "./platform";

const platform = withPlatform();
const schema = v.object({ n: v.number() });

async function failure(path: string): Promise<ApiError> {
  const error: unknown = await request(path, schema).catch((caught: unknown) => caught);
  if (!(error instanceof ApiError)) throw new Error(`expected an ApiError, got ${String(error)}`);
  return error;
}

test("an answer is parsed, and what is not asked for is left out", async () => {
  platform().on("GET /api/thing?limit=5", { body: { n: 1, more: true } });
  expect(await request("/api/thing", schema, { query: { limit: 5, cursor: null, state: "" } })).toEqual({ n: 1 });
});

test("a body is sent as JSON", async () => {
  platform().on("POST /api/thing", { status: 201, body: { n: 2 } });
  await request("/api/thing", schema, { method: "POST", body: { name: "é" } });
  expect(platform().asked).toEqual([{ method: "POST", path: "/api/thing", body: { name: "é" } }]);
});

test("a refusal carries the problem's sentence, its code and how long to wait", async () => {
  platform().on("GET /api/thing", {
    status: 429,
    body: { detail: "Slow down.", code: 20429 },
    headers: { "Retry-After": "7" },
  });
  const error = await failure("/api/thing");
  expect(error).toMatchObject({ kind: "problem", status: 429, code: 20429, retryAfterS: 7 });
  expect(describeError(error)).toBe("Slow down. Code 20429.");
});

test("a refusal without a problem document gets our own sentence", async () => {
  platform().on("GET /api/thing", { status: 502, body: "<html>" });
  expect(describeError(await failure("/api/thing"))).toMatch(/not answering/);
});

test("no answer at all is told apart, and worth another try", async () => {
  platform().close();
  const error = await failure("/api/thing");
  expect(error.kind).toBe("network");
  expect(isTransient(error)).toBe(true);
});

test("an answer of another form is an error and not a crash later", async () => {
  platform().on("GET /api/thing", { body: { n: "one" } });
  const error = await failure("/api/thing");
  expect(error.kind).toBe("shape");
  expect(isTransient(error)).toBe(false);
});
