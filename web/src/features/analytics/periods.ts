import { format, getISOWeek, getISOWeekYear } from "date-fns";

import type { Bucket } from "./api/aggregates";

export type BucketName = "hour" | "day" | "week" | "month" | "quarter" | "year";
export const BUCKETS: readonly BucketName[] = ["hour", "day", "week", "month", "quarter", "year"];

export const parseBucket = (value: string): BucketName => BUCKETS.find((name) => name === value) ?? "day";

/** The local time in the bucket's own zone: its offset is dropped, since the service has already placed it there. */
const wallTime = (start: string): Date => new Date(start.slice(0, 19));

/** A bucket's name on an axis: short. */
export function bucketLabel(start: string, bucket: BucketName): string {
  const time = wallTime(start);
  switch (bucket) {
    case "hour":
      return format(time, "d MMM HH:mm");
    case "day":
      return format(time, "d MMM");
    case "week":
      return `W${String(getISOWeek(time)).padStart(2, "0")} ${String(getISOWeekYear(time))}`;
    case "month":
      return format(time, "MMM yyyy");
    case "quarter":
      return format(time, "QQQ yyyy");
    case "year":
      return format(time, "yyyy");
  }
}

/** Where a bucket ends: what the service says, otherwise where the next one starts. */
export function bucketEnd(buckets: readonly Bucket[], position: number): string {
  const bucket = buckets[position];
  return (bucket?.end || buckets[position + 1]?.start) ?? "";
}
