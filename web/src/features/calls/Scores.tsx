import { Badge } from "@twilio-paste/core/badge";
import { Box } from "@twilio-paste/core/box";
import { SkeletonLoader } from "@twilio-paste/core/skeleton-loader";

import { formatCount, formatScore } from "@/shared/format/numbers";
import { type Fact, Facts } from "@/shared/ui/Facts";
import { EmptyNotice, ErrorNotice } from "@/shared/ui/notices";
import { text } from "@/texts";

import { type CallResult, useResult } from "./api/getResult";
import { SentimentMark } from "./SentimentMark";

const words = text.calls.scores;

/** What Intelligence found in a call, each score with the words that show it. */
export function Scores({ callSid }: { readonly callSid: string }) {
  const result = useResult(callSid);
  if (result.data) return <Known result={result.data} />;
  if (result.isPending) return <SkeletonLoader height="sizeSquare110" />;
  if (result.isError) {
    return (
      <ErrorNotice
        what={words.what}
        error={result.error}
        onRetry={() => void result.refetch()}
        retrying={result.isFetching}
      />
    );
  }
  return <EmptyNotice title={words.none} detail={words.noneDetail} />;
}

function Known({ result }: { readonly result: CallResult }) {
  const unparsed = result.operators.filter(({ parsed }) => !parsed);
  const facts: readonly (Fact | null)[] = [
    { label: text.signals.csat, value: `${formatScore(result.csat)} ${text.signals.csatUnit}` },
    { label: text.signals.ces, value: `${formatScore(result.ces)} ${text.signals.cesUnit}` },
    { label: text.signals.sentiment, value: <SentimentMark sentiment={result.sentiment} /> },
    {
      label: text.signals.legalRisk,
      value: result.legal_risk ? (
        <>
          {formatCount(result.legal_risk.score)} {text.signals.legalRiskUnit} <Band band={result.legal_risk.band} />
        </>
      ) : (
        text.noValueMark
      ),
    },
    result.csat_surveyed === null ? null : { label: words.surveyed, value: formatScore(result.csat_surveyed) },
    {
      label: words.hallucinations,
      value: result.hallucinations === null ? text.noValueMark : formatCount(result.hallucinations),
    },
    { label: words.escalation, value: yesNo(result.escalation_requested) },
    result.disposition ? { label: words.disposition, value: result.disposition } : null,
    result.intents.length > 0 ? { label: words.intents, value: result.intents.join(", ") } : null,
    result.summary ? { label: words.summary, value: result.summary, wide: true } : null,
  ];
  return (
    <Box display="flex" flexDirection="column" rowGap="space60">
      <Facts facts={facts.filter((fact) => fact !== null)} />
      {result.legal_risk && result.legal_risk.findings.length > 0 ? (
        <Findings findings={result.legal_risk.findings} />
      ) : null}
      {unparsed.length > 0 ? (
        <Box color="colorTextWeak" fontSize="fontSize20" lineHeight="lineHeight20">
          {words.unparsed} {unparsed.map(({ name, reason }) => `${name} (${reason})`).join(", ")}
        </Box>
      ) : null}
    </Box>
  );
}

function Findings({ findings }: { readonly findings: NonNullable<CallResult["legal_risk"]>["findings"] }) {
  return (
    <Box
      as="ul"
      aria-label={words.findings}
      margin="space0"
      padding="space0"
      listStyleType="none"
      display="flex"
      flexDirection="column"
      rowGap="space40"
    >
      {findings.map((finding) => (
        <Box
          as="li"
          key={`${finding.category} ${finding.evidence}`}
          paddingLeft="space50"
          borderStyle="solid"
          borderWidth="borderWidth0"
          borderLeftWidth="borderWidth30"
          borderLeftColor={finding.severity >= 70 ? "colorBorderError" : "colorBorderWarning"}
          color="colorText"
          fontSize="fontSize30"
          lineHeight="lineHeight30"
        >
          <Box as="span" fontWeight="fontWeightSemibold">
            {finding.category}, {formatCount(finding.severity)} {text.signals.legalRiskUnit}
          </Box>
          {finding.evidence ? (
            <Box as="blockquote" margin="space0" color="colorTextWeak" overflowWrap="anywhere">
              “{finding.evidence}”
            </Box>
          ) : null}
        </Box>
      ))}
    </Box>
  );
}

const BANDS = { low: "success", medium: "warning", high: "error" } as const;

/** A risk's band in words and colour. */
export function Band({ band }: { readonly band: string | null }) {
  if (!band) return null;
  const variant = BANDS[band as keyof typeof BANDS] ?? "neutral";
  return (
    <Badge as="span" variant={variant}>
      {(words.bands as Readonly<Record<string, string>>)[band] ?? band}
    </Badge>
  );
}

function yesNo(value: boolean | null): string {
  if (value === null) return text.noValueMark;
  return value ? words.yes : words.no;
}
