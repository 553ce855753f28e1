import { formatDay } from "@/shared/format/times";
import { fill, text } from "@/texts";

import { useSummary } from "./api/getSummary";

/** The day the numbers are about, in the platform's time zone. */
export function TodayLine() {
  const { data } = useSummary();
  if (!data?.date) return null;
  return <>{fill(text.overview.todayOf, { date: formatDay(data.date), timezone: data.timezone })}</>;
}
