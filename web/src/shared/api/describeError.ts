import { fill, text } from "@/texts";

import { ApiError } from "./apiError";

/** What to tell the reader about an error: one or two sentences. */
export function describeError(error: unknown): string {
  if (!(error instanceof ApiError)) return text.errors.server;
  const sentence = error.detail || ownSentence(error);
  return error.code !== null && error.code !== error.status
    ? `${sentence} ${fill(text.errors.code, { code: String(error.code) })}.`
    : sentence;
}

function ownSentence({ kind, status }: ApiError): string {
  if (kind === "network") return text.errors.network;
  if (kind === "shape") return text.errors.shape;
  switch (status) {
    case 401:
      return text.errors.unauthorized;
    case 403:
      return text.errors.forbidden;
    case 404:
      return text.errors.notFound;
    case 429:
      return text.errors.tooMany;
    case 502:
    case 503:
    case 504:
      return text.errors.unavailable;
    default:
      return status >= 500 ? text.errors.server : text.errors.request;
  }
}
