import * as v from "valibot";

import { numberOrNull, numberOrZero, textOrEmpty } from "@/shared/api/schemas";

/** The numbers of one period by dotted name, such as `csat.mean`. What is not known has no entry. */
export type Measures = Readonly<Record<string, number>>;

const NOT_MEASURES = new Set(["start", "end"]);

/** Flattens nested measures; anything that is no number is left out. */
export function flatten(nested: unknown, prefix = "", into: Record<string, number> = {}): Measures {
  if (typeof nested !== "object" || nested === null) return into;
  for (const [name, value] of Object.entries(nested)) {
    const key = prefix + name;
    if (typeof value === "number") into[key] = value;
    else if (!NOT_MEASURES.has(key)) flatten(value, `${key}.`, into);
  }
  return into;
}

const measuresSchema = v.pipe(
  v.nullish(v.record(v.string(), v.unknown()), {}),
  v.transform((nested) => flatten(nested)),
);

const bucketSchema = v.pipe(
  v.looseObject({ start: v.string(), end: textOrEmpty }),
  v.transform(({ start, end, ...nested }) => ({ start, end, measures: flatten(nested) })),
);

const differenceSchema = v.object({
  now: numberOrNull,
  before: numberOrNull,
  difference: numberOrNull,
  low: numberOrNull,
  high: numberOrNull,
  significant: v.nullish(v.boolean(), null),
});

export const aggregatesSchema = v.object({
  total: measuresSchema,
  buckets: v.array(bucketSchema),
  groups: v.nullish(v.array(v.object({ group: v.nullish(v.string(), null), total: measuresSchema })), []),
  compare: v.nullish(
    v.object({
      from: textOrEmpty,
      to: textOrEmpty,
      differences: v.nullish(v.record(v.string(), differenceSchema), {}),
    }),
    null,
  ),
  skipped_lines: numberOrZero,
});

export type Aggregates = v.InferOutput<typeof aggregatesSchema>;
export type Bucket = Aggregates["buckets"][number];
export type Difference = v.InferOutput<typeof differenceSchema>;
