import { Box } from "@twilio-paste/core/box";

import { formatDay } from "@/shared/format/times";
import { fill, plural, text } from "@/texts";

import { useSummary } from "./api/getSummary";

/** The day the numbers are about, in the platform's time zone, and how many records they leave out. */
export function TodayLine() {
  const { data } = useSummary();
  // Keeps the line's room until it is known.
  if (!data) return <>{"\u00a0"}</>;
  return (
    <>
      {data.skipped_lines > 0 ? (
        <Box as="span" color="colorTextWarning" marginRight="space40">
          {plural(text.overview.skipped, data.skipped_lines)}
        </Box>
      ) : null}
      {data.date ? fill(text.overview.todayOf, { date: formatDay(data.date), timezone: data.timezone }) : null}
    </>
  );
}
