import { formatCount } from "@/shared/format/numbers";
import { ErrorNotice } from "@/shared/ui/notices";
import { StatTile, StatTiles } from "@/shared/ui/StatTile";
import { fill, text } from "@/texts";

import { useStatus } from "./api/lists";

const words = text.intelligence;

/** How much came in and what became of it. */
export function IntakeState() {
  const status = useStatus();
  if (status.isError && !status.data) {
    return (
      <ErrorNotice
        what={words.status}
        error={status.error}
        onRetry={() => void status.refetch()}
        retrying={status.isFetching}
      />
    );
  }
  const it = status.data;
  const count = (value: number | null | undefined) =>
    it ? (value == null ? text.noValueMark : formatCount(value)) : null;
  const oldest = it?.oldest_unresolved_s ?? null;
  return (
    <StatTiles label={words.status}>
      <StatTile label={words.received} value={count(it?.received)} />
      <StatTile
        label={words.unresolved}
        value={count(it?.unresolved)}
        detail={oldest === null ? null : fill(words.lagOf, { seconds: Math.round(oldest) })}
      />
      <StatTile label={words.resultsCount} value={count(it?.results)} />
      <StatTile
        label={words.dead}
        value={count(it?.dead_letters)}
        tone={it && it.dead_letters > 0 ? "error" : "plain"}
      />
      <StatTile label={words.duplicates} value={count(it?.duplicates)} />
      <StatTile label={words.rejected} value={count(it?.rejected)} />
      {it?.unparsed == null ? null : <StatTile label={words.unparsed} value={formatCount(it.unparsed)} />}
    </StatTiles>
  );
}
