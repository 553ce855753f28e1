import { Box } from "@twilio-paste/core/box";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";
import { useNavigate } from "react-router";

import { formatLanguage } from "@/shared/format/languages";
import { useMay } from "@/shared/operator/OperatorContext";
import { EmptyNotice, ErrorNotice } from "@/shared/ui/notices";
import { PageHeader } from "@/shared/ui/PageHeader";
import { Section } from "@/shared/ui/Section";
import { type Filters, useFilters } from "@/shared/url/useFilters";
import { plural, text } from "@/texts";

import { AnalyticsFilters } from "./AnalyticsFilters";
import type { Aggregates, Bucket } from "./api/aggregates";
import { ANALYTICS_FILTERS, useAggregates } from "./api/getAggregates";
import { callsLink, exportLink, HERE } from "./links";
import { bucketEnd, parseBucket } from "./periods";
import { CountsTable, RiskCard, RiskDistributionCard, SentimentCard, VolumeCard } from "./SharesCards";
import { ComparisonTable, GroupsTable, TotalsTable } from "./TotalsTable";
import { TrendCard } from "./TrendCard";

const words = text.analytics;
/** What only changes the picture, not the question. */
const SHOWN = ["measure"] as const;
type Name = (typeof ANALYTICS_FILTERS)[number];

/** Measures over time, as charts and tables. */
export function AnalyticsPage() {
  const filters = useFilters(ANALYTICS_FILTERS);
  const asked = filters.values;
  const aggregates = useAggregates({ ...asked, bucket: parseBucket(asked.bucket), tz: asked.tz || HERE });
  const mayExport = useMay("supervisor");
  return (
    <>
      <PageHeader
        title={words.title}
        lead={words.lead}
        actions={
          mayExport ? (
            <Box
              as="a"
              href={exportLink(filters.values)}
              color="colorTextLink"
              fontSize="fontSize30"
              lineHeight="lineHeight30"
            >
              {words.exportCalls}
            </Box>
          ) : null
        }
      />
      <AnalyticsFilters filters={filters} />
      {aggregates.data ? (
        <Box opacity={aggregates.isPlaceholderData ? 0.5 : 1} aria-busy={aggregates.isPlaceholderData}>
          <Charts aggregates={aggregates.data} filters={filters} />
        </Box>
      ) : aggregates.isError ? (
        <ErrorNotice
          what={words.what}
          error={aggregates.error}
          onRetry={() => void aggregates.refetch()}
          retrying={aggregates.isFetching}
        />
      ) : (
        <ChartSkeletons />
      )}
    </>
  );
}

function Charts({ aggregates, filters }: { readonly aggregates: Aggregates; readonly filters: Filters<Name> }) {
  const { total, groups, compare, skipped_lines: skipped } = aggregates;
  const buckets = filters.values.from ? aggregates.buckets : sinceFirstCall(aggregates.buckets);
  const navigate = useNavigate();
  const shown = useFilters(SHOWN);
  const bucket = parseBucket(filters.values.bucket);
  const linkTo = (position: number): string =>
    callsLink(filters.values, buckets[position]?.start ?? "", bucketEnd(buckets, position));
  const onPick = (position: number): void => void navigate(linkTo(position));
  const calls = total["calls"] ?? buckets.reduce((sum, { measures }) => sum + (measures["calls"] ?? 0), 0);
  if (calls === 0) return <EmptyNotice title={words.empty} detail={words.emptyDetail} />;
  const shared = { buckets, bucket, onPick };
  return (
    <Box display="flex" flexDirection="column" rowGap="space70">
      <TrendCard
        {...shared}
        measure={shown.values.measure}
        onMeasure={(measure) => shown.set({ measure })}
        linkTo={linkTo}
      />
      <Box
        display="grid"
        gridTemplateColumns={["minmax(0, 1fr)", "minmax(0, 1fr)", "repeat(2, minmax(0, 1fr))"]}
        columnGap="space70"
        rowGap="space70"
      >
        <SentimentCard {...shared} />
        <RiskCard {...shared} />
        <RiskDistributionCard total={total} />
        <VolumeCard {...shared} />
        <Box
          gridColumn={["auto", "auto", "span 2"]}
          display="grid"
          gridTemplateColumns={["minmax(0, 1fr)", "minmax(0, 1fr)", "repeat(2, minmax(0, 1fr))"]}
          columnGap="space70"
          rowGap="space70"
          minWidth="0"
        >
          <CountsTable title={words.riskFindings} name={words.category} total={total} prefix="legal_risk.findings." />
          <CountsTable
            title={words.languages}
            name={words.languages}
            total={total}
            prefix="languages.mix."
            show={formatLanguage}
          />
        </Box>
      </Box>
      {compare ? (
        <Section title={words.comparison}>
          <ComparisonTable {...compare} />
        </Section>
      ) : null}
      {groups.length > 0 ? (
        <Section title={words.groups}>
          <GroupsTable groups={groups} />
        </Section>
      ) : null}
      {Object.keys(total).length > 0 ? (
        <Section title={words.totals} aside={skipped > 0 ? plural(words.skipped, skipped) : null}>
          <TotalsTable total={total} />
        </Section>
      ) : null}
    </Box>
  );
}

const SHORTEST = 7;

/** Without the empty periods before the first call, which say nothing when nobody asked for them. */
function sinceFirstCall(buckets: readonly Bucket[]): readonly Bucket[] {
  const first = buckets.findIndex(({ measures }) => (measures["calls"] ?? 0) > 0);
  return first < 0 ? buckets : buckets.slice(Math.max(0, Math.min(first, buckets.length - SHORTEST)));
}

function ChartSkeletons() {
  return (
    <Box display="flex" flexDirection="column" rowGap="space70" aria-busy="true">
      <SkeletonLoader height="size40" />
      <SkeletonLoader height="size30" />
    </Box>
  );
}
