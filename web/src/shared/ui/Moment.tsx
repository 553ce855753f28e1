import { formatExact, formatMoment, parseTime } from "@/shared/format/times";
import { text } from "@/texts";

/** A time in the viewer's zone; the exact one shows on hover. */
export function Moment({ at }: { readonly at: string | null }) {
  const time = parseTime(at);
  if (!time) return <>{text.noValueMark}</>;
  return (
    <time dateTime={time.toISOString()} title={formatExact(time)}>
      {formatMoment(time)}
    </time>
  );
}
